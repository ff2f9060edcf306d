#!/usr/bin/env python3
"""The same reward as a server: GET /health, POST /compute. Usage: redness_server.py [PORT]"""
import base64, json, sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from redness import redness


class Reward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"  # Connections stay open,
    wbufsize = -1  # and an answer leaves in one piece.

    def do_GET(self):
        self.answer(200 if self.path == "/health" else 404, {"status": "ok"})

    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        scores = [redness(base64.b64decode(image)) for image in body["images"]]
        self.answer(200, {"rewards": scores})

    def answer(self, status, content):
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
ThreadingHTTPServer(("127.0.0.1", port), Reward).serve_forever()
