"""A stand-in for a schema registry, in memory: what a client asks to write and to read. Takes the port."""

import http.server
import json
import re
import sys

schemas = []  # id - 1: what was registered
subjects = {}  # name: ids, the oldest first


class Registry(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        found = re.fullmatch(r"/schemas/ids/([0-9]+)", self.path.partition("?")[0])
        if found and 0 < int(found[1]) <= len(schemas):
            self.answer(200, schemas[int(found[1]) - 1])
        else:
            self.answer(404, {"error_code": 40403, "message": "Schema not found"})

    def do_POST(self):
        schema = json.loads(self.rfile.read(int(self.headers["content-length"])))
        found = re.fullmatch(r"/subjects/([^/]+)(/versions)?", self.path.partition("?")[0])
        if schema not in schemas:
            schemas.append(schema)
        number = schemas.index(schema) + 1
        ids = subjects.setdefault(found[1], [])
        if number not in ids:
            ids.append(number)
        self.answer(200, {**schema, "id": number, "subject": found[1], "version": ids.index(number) + 1})

    def answer(self, status, value):
        body = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("content-type", "application/vnd.schemaregistry.v1+json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format, *arguments):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Registry)
print(f"listening on http://localhost:{server.server_port}", flush=True)
server.serve_forever()
