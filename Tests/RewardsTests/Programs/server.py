#!/usr/bin/env python3
"""The same as a server, which prints its port. Usage: server.py MODE [HOST]"""
import json, socket, sys, threading, time
from urllib.parse import unquote
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

mode, calls, lock = sys.argv[1], 0, threading.Lock()
together, most = 0, 0
asked = []


class Reward(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.0" if mode.endswith("1.0") else "HTTP/1.1"
    wbufsize = -1

    def do_GET(self):
        if self.path == "/asked":
            return self.answer(200, json.dumps(asked).encode())
        asked.append([self.path, self.headers.get("Authorization", "")])
        self.answer(503 if mode == "ill" else 200, json.dumps({"most": most}).encode())

    def do_POST(self):
        global calls, together, most
        with lock:
            calls += 1
            call = calls
            together += 1
            most = max(most, together)
        size = int(self.headers["Content-Length"])
        asked.append([self.path, self.headers.get("Authorization", "")])
        assert mode in ("anywhere", "drop") or mode.startswith("echo") or self.path == "/compute", self.path
        assert self.headers["Content-Type"] == "application/json"
        prompts = json.loads(self.rfile.read(size))["prompts"]
        rewards = [float(len(prompt)) for prompt in prompts]
        status, body = 200, json.dumps({"rewards": rewards}).encode()
        if mode == "slow":
            time.sleep(600)
        if mode.startswith("late"):
            time.sleep(2)
        if mode == "http-0.9":
            self.wfile.write(body)
            self.close_connection = True
            return
        if mode == "echo-500":
            status, body = 500, json.dumps(asked).encode()
        if mode == "echo-error":
            body = json.dumps({"error": f"no such page: {self.path}"}).encode()
        if mode == "echo-garbage":
            body = json.dumps(f"you asked for {unquote(self.path)}").encode()
        if mode == "together":
            time.sleep(0.3)
        with lock:
            together -= 1
        if mode == "500" or (mode == "500-twice" and call <= 2):
            status, body = 500, b'{"detail": "no model"}'
        if mode == "drop":
            self.close_connection = True
            return
        if mode == "garbage":
            body = b"<html>hello</html>"
        if mode == "few":
            body = json.dumps({"rewards": rewards[1:]}).encode()
        if mode == "nan":
            body = json.dumps({"rewards": [float("nan")] + rewards[1:]}).encode()
        if mode == "oversize":
            body = b"x" * (3 << 20)
        if mode == "elsewhere":
            self.send_response(307)
            self.send_header("Location", "/other?token=abc")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        if mode == "trickle":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            for _ in range(1000):
                self.wfile.write(b" ")
                self.wfile.flush()
                time.sleep(0.05)
            return
        if mode == "cut":
            self.send_response(200)
            self.send_header("Content-Length", "1000")
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True
            return
        self.answer(status, body)

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


class Server(ThreadingHTTPServer):
    address_family = socket.AF_INET6 if ":" in "".join(sys.argv[2:]) else socket.AF_INET


server = Server((sys.argv[2] if len(sys.argv) > 2 else "127.0.0.1", 0), Reward)
print(server.server_port, flush=True)
server.serve_forever()
