"""The catalogue: GET /items/NAME answers {"price": cents} after 50 ms. Takes the port to listen on."""

import http.server
import json
import sys
import time

PRICES = {"tea": 350, "cup": 900, "pot": 2400}


class Catalogue(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        time.sleep(0.05)
        price = PRICES.get(self.path.rpartition("/")[2])
        body = json.dumps({"price": price}).encode()
        self.send_response(200 if price is not None else 404)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass


port = int(sys.argv[1]) if len(sys.argv) > 1 else 8080
server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Catalogue)
print(f"listening on http://localhost:{server.server_port}", flush=True)
server.serve_forever()
