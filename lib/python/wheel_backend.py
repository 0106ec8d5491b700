"""Builds the package's wheel for pip, with nothing but the standard library (PEP 517)."""

import base64
import hashlib
import os
import re
import zipfile

HERE = os.path.dirname(os.path.abspath(__file__))


def read(*path):
    with open(os.path.join(HERE, *path), "rb") as file:
        return file.read()


def project(key):
    return re.search(rf'^{key} = "(.*)"$', read("pyproject.toml").decode(), re.MULTILINE)[1]


def build_wheel(wheel_directory, config_settings=None, metadata_directory=None):
    """Writes the wheel; its file name."""
    name = f"bruco-{project('version')}"
    files = {
        f"bruco/{file}": read("bruco", file)
        for file in sorted(os.listdir(os.path.join(HERE, "bruco")))
        if file.endswith((".py", ".typed"))
    }
    files[f"{name}.dist-info/METADATA"] = (
        "Metadata-Version: 2.1\n"
        "Name: bruco\n"
        f"Version: {project('version')}\n"
        f"Summary: {project('description')}\n"
        "License: MIT\n"
        f"Requires-Python: {project('requires-python')}\n"
    ).encode()
    files[f"{name}.dist-info/WHEEL"] = (
        b"Wheel-Version: 1.0\nGenerator: bruco\nRoot-Is-Purelib: true\nTag: py3-none-any\n"
    )
    record = ""
    for path, content in files.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(content).digest()).rstrip(b"=").decode()
        record += f"{path},sha256={digest},{len(content)}\n"
    files[f"{name}.dist-info/RECORD"] = f"{record}{name}.dist-info/RECORD,,\n".encode()
    wheel = f"{name}-py3-none-any.whl"
    with zipfile.ZipFile(os.path.join(wheel_directory, wheel), "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(zipfile.ZipInfo(path, (1980, 1, 1, 0, 0, 0)), content)
    return wheel
