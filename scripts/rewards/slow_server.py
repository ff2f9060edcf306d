#!/usr/bin/env python3
"""A reward server that takes its time. Usage: slow_server.py VERSION SECONDS; prints its port."""
import json, sys, time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Slow(BaseHTTPRequestHandler):
    protocol_version = f"HTTP/{sys.argv[1]}"

    def do_POST(self):
        size = int(self.headers["Content-Length"])
        count = len(json.loads(self.rfile.read(size))["prompts"])
        time.sleep(float(sys.argv[2]))
        body = json.dumps({"rewards": [i % 7 / 7 for i in range(count)]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer(("127.0.0.1", 0), Slow)
print(server.server_port, flush=True)
server.serve_forever()
