"""ask.py URL [-m METHOD] [-H 'NAME: VALUE'] ... PATH [BODY]: one request.

Prints the status and the answer's body, and writes the answer's headers to the file `headers`.
"""

import argparse
import http.client
import ssl
import urllib.parse

parser = argparse.ArgumentParser()
parser.add_argument("url")
parser.add_argument("-m", dest="method")
parser.add_argument("-H", dest="headers", action="append", default=[])
parser.add_argument("path")
parser.add_argument("body", nargs="?")
given = parser.parse_args()

url = urllib.parse.urlsplit(given.url)
if url.scheme == "https":
    context = ssl.create_default_context(cafile="ca.pem")
    connection = http.client.HTTPSConnection(url.hostname, url.port, timeout=60, context=context)
else:
    connection = http.client.HTTPConnection(url.hostname, url.port, timeout=60)
method = given.method or ("GET" if given.body is None else "POST")
connection.putrequest(method, given.path, skip_accept_encoding=True)
for header in given.headers:
    connection.putheader(*header.split(": ", 1))
body = b"" if given.body is None else given.body.encode()
if given.body is not None:
    connection.putheader("Content-Length", str(len(body)))
connection.endheaders(body)
answer = connection.getresponse()
with open("headers", "w") as headers:
    for name, value in answer.getheaders():
        print(f"{name}: {value}", file=headers)
print(answer.status)
print(answer.read().decode(errors="backslashreplace"), end="")
