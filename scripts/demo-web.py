"""The web around a deployment, for demonstrations: an app's server, a proxy, and somebody who asks all the time.

    demo-web.py serve VERSION FILE   answers with VERSION; writes its port to FILE
    demo-web.py proxy LIVE FILE      asks the server whose port is in the file LIVE; writes its own port to FILE
    demo-web.py receive PEM BODY FILE  takes one POST over TLS, and writes what it was sent to BODY; its port to FILE
    demo-web.py poll URL FILE        asks every 10 ms until SIGTERM; writes a line for each answer to FILE
"""

import http.client
import http.server
import os
import signal
import ssl
import sys
import time


def write_whole(path, text):
    with open(path + ".draft", "w") as file:
        file.write(text)
    os.rename(path + ".draft", path)


class Quiet(http.server.BaseHTTPRequestHandler):
    def log_message(self, *arguments):
        pass

    def answer(self, status, body):
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


def run(handler, path):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    server.daemon_threads = False
    # What was asked is answered before the end.
    signal.signal(signal.SIGTERM, lambda *_: (_ for _ in ()).throw(SystemExit))
    write_whole(path, str(server.server_port))
    try:
        server.serve_forever(poll_interval=0.05)
    finally:
        server.server_close()


def serve(version, path):
    class App(Quiet):
        def do_GET(self):
            self.answer(200, version.encode())

    run(App, path)


def proxy(live, path):
    class Proxy(Quiet):
        def do_GET(self):
            try:
                with open(live) as file:
                    connection = http.client.HTTPConnection("127.0.0.1", int(file.read()), timeout=5)
                connection.request("GET", self.path)
                response = connection.getresponse()
                self.answer(response.status, response.read())
                connection.close()
            except OSError as error:
                self.answer(502, str(error).encode())

    run(Proxy, path)


def receive(certificate, body, path):
    class Receiver(Quiet):
        def do_POST(self):
            sent = self.rfile.read(int(self.headers["Content-Length"]))
            write_whole(body, f"{self.headers['Host']} {self.path}\n{sent.decode()}")
            self.answer(200, b"{}")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    server = http.server.HTTPServer(("127.0.0.1", 0), Receiver)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    write_whole(path, str(server.server_port))
    server.handle_request()


def poll(url, path):
    running = True

    def stop(*_):
        nonlocal running
        running = False

    signal.signal(signal.SIGTERM, stop)
    host = url.removeprefix("http://")
    with open(path, "w", buffering=1) as file:
        while running:
            asked = time.monotonic()
            try:
                connection = http.client.HTTPConnection(host, timeout=5)
                connection.request("GET", "/")
                response = connection.getresponse()
                answer = f"{response.status} {response.read().decode()}"
                connection.close()
            except OSError as error:
                answer = f"failed {error}"
            print(f"{time.monotonic() - asked:.3f} {answer}", file=file)
            time.sleep(max(0, 0.01 - (time.monotonic() - asked)))


VERBS = {"serve": serve, "proxy": proxy, "receive": receive, "poll": poll}
VERBS[sys.argv[1]](*sys.argv[2:])
