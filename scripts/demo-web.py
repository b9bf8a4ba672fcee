"""The web around a deployment, for demonstrations: an app's server, a proxy, and somebody who asks all the time.

    demo-web.py serve VERSION FILE     answers with VERSION; writes its port to FILE
    demo-web.py proxy LIVE FILE        asks the server whose port is in the file LIVE; writes its own port to FILE
    demo-web.py receive PEM SENT FILE  takes forms by POST over TLS, adds them to SENT and says what it got; its port to FILE
    demo-web.py poll URL FILE          asks every 10 ms until SIGTERM; writes a line for each answer to FILE: when it
                                       came, how long it took, its status, and what it was
"""

import email
import http.client
import http.server
import json
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


def run(handler, path, tls=None):
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    if tls:
        server.socket = tls.wrap_socket(server.socket, server_side=True)
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
    def read_live():
        with open(live) as file:
            return int(file.read())

    def ask(port, path):
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read()
        finally:
            connection.close()

    class Proxy(Quiet):
        def do_GET(self):
            port = read_live()
            while True:
                try:
                    answer = ask(port, self.path)
                except (OSError, http.client.HTTPException) as error:
                    # As proxies do: who is not live any more may have ended since the file was read.
                    before, port = port, read_live()
                    if port != before:
                        continue
                    answer = 502, str(error).encode()
                return self.answer(*answer)

    run(Proxy, path)


def receive(certificate, sent, path):
    def form(headers, body):
        message = email.message_from_bytes(f"Content-Type: {headers['Content-Type']}\n\n".encode() + body)
        return {part.get_param("name", header="Content-Disposition"): part.get_payload() for part in message.get_payload()}

    class Receiver(Quiet):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["Content-Length"]))
            got = json.dumps({"url": f"https://{self.headers['Host']}{self.path}", **form(self.headers, body)})
            with open(sent, "a") as file:
                file.write(got + "\n")
            self.answer(200, got.encode())

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    run(Receiver, path, context)


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
            connection = http.client.HTTPConnection(host, timeout=5)
            try:
                connection.request("GET", "/")
                response = connection.getresponse()
                answer = f"{response.status} {response.read().decode()}"
            except (OSError, http.client.HTTPException) as error:
                answer = f"failed {error!r}"
            finally:
                connection.close()
            answered = time.monotonic()
            print(f"{answered:.3f} {answered - asked:.3f} {answer}", file=file)
            time.sleep(max(0, 0.01 - (time.monotonic() - asked)))


VERBS = {"serve": serve, "proxy": proxy, "receive": receive, "poll": poll}
VERBS[sys.argv[1]](*sys.argv[2:])
