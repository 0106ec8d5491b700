"""unpack.py CACHE < SOURCE: unpacks a project, a path or an address of a zip file, into the cache.

Prints the folder with its config.yaml. An archive is unpacked once: the folder is named after its
checksum, and is there whole or not at all. Ends with 78 when the archive is not what it should be, with
69 when it could not be fetched, with 64 when there is no way to; one line on standard error says why.
"""

import base64
import hashlib
import http.client
import os
import re
import shutil
import stat
import sys
import tempfile
import urllib.error
import urllib.parse
import urllib.request
import zipfile
import zlib

CONFIG, UNAVAILABLE, USAGE = 78, 69, 64
UNSUPPORTED = "only https and http are supported; fetch the file (aws s3 cp, for one) and name that"
ARCHIVE_MAX = 512 << 20  # bytes
CONTENT_MAX = 1 << 30  # bytes, unpacked
MEMBERS_MAX = 20000
CHUNK = 1 << 20
READ_S = 30  # seconds without a byte


class Refused(Exception):
    """What is wrong, and the status to end with."""

    def __init__(self, why, status=CONFIG):
        super().__init__(why)
        self.status = status


# ---- fetching


def split_checksum(source):
    """The source without "#sha256=...", and the checksum or None."""
    source, mark, checksum = source.partition("#sha256=")
    if mark and not re.fullmatch("[0-9a-fA-F]{64}", checksum):
        raise Refused("the checksum behind '#sha256=' is not 64 hexadecimal digits")
    return source, checksum.lower() if mark else None


def shown(address):
    """The address without a password or a token."""
    parts = urllib.parse.urlsplit(address)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"


def copy(source, to, most, what):
    """Copies at most so many bytes; returns their checksum."""
    checksum = hashlib.sha256()
    size = 0
    while chunk := source.read(CHUNK):
        size += len(chunk)
        if size > most:
            raise Refused(f"{what} is larger than {most >> 20} MiB")
        checksum.update(chunk)
        to.write(chunk)
    return checksum.hexdigest()


def request_for(address):
    """A name and a password in the address go to its host, and to no other that it leads on to."""
    parts = urllib.parse.urlsplit(address)
    login, mark, host = parts.netloc.rpartition("@")
    request = urllib.request.Request(parts._replace(netloc=host).geturl())
    if mark:
        encoded = base64.b64encode(urllib.parse.unquote_to_bytes(login)).decode()
        request.add_unredirected_header("Authorization", f"Basic {encoded}")
    return request


def fetch(address, to):
    try:
        with urllib.request.urlopen(request_for(address), timeout=READ_S) as answer:
            return copy(answer, to, ARCHIVE_MAX, "the archive")
    except urllib.error.HTTPError as error:
        raise Refused(f"cannot fetch it: {error.code} {error.reason}", UNAVAILABLE) from None
    except (OSError, ValueError, http.client.HTTPException) as error:
        why = getattr(error, "reason", error)
        raise Refused(f"cannot fetch it: {why}", UNAVAILABLE) from None


# ---- unpacking


def check_member(info):
    """The member's parts, or None when it is of no use."""
    name = info.orig_filename
    parts = name.rstrip("/").split("/")
    kind = stat.S_IFMT(info.external_attr >> 16)
    if parts[0] == "__MACOSX" or parts[-1] == ".DS_Store":
        return None
    if any(part in ("", ".", "..") for part in parts) or re.search(r"[\\\x00-\x1f\x7f]", name):
        raise Refused(f"the member {name[:200]!a} leads out of the archive")
    if any(len(os.fsencode(part)) > 255 for part in parts) or len(parts) > 32:
        raise Refused(f"the member {name[:200]!a} has too long a name")
    if info.create_system == 3 and kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        raise Refused(f"the member {name[:200]!a} is a link or a device")
    if info.flag_bits & 1:
        raise Refused(f"the member {name[:200]!a} is encrypted")
    return parts


def unpack_member(archive, info, path, left):
    mode = 0o755 if info.external_attr >> 16 & 0o100 else 0o644
    os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
    with archive.open(info) as member:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, mode)
        with open(descriptor, "wb") as file:
            copy(member, file, left, "what is in it")
            return file.tell()


def unpack(file, folder):
    try:
        with zipfile.ZipFile(file) as archive:
            members = archive.infolist()
            if len(members) > MEMBERS_MAX:
                raise Refused(f"it has more than {MEMBERS_MAX} members")
            left = CONTENT_MAX
            for info in members:
                parts = check_member(info)
                if parts is None:
                    continue
                path = os.path.join(folder, *parts)
                if info.is_dir():
                    os.makedirs(path, mode=0o755, exist_ok=True)
                else:
                    left -= unpack_member(archive, info, path, left)
    except FileExistsError as error:
        name = os.path.relpath(error.filename, folder)
        raise Refused(f"the member {name[:200]!a} is there twice") from None
    except NotADirectoryError as error:
        name = os.path.relpath(error.filename, folder)
        raise Refused(f"the member {name[:200]!a} is in a folder that is a file") from None
    except (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, UnicodeError) as error:
        raise Refused(f"it is no zip file that can be read: {error}") from None


def find_project(folder):
    """The folder itself, or the only one in it."""
    inside = os.listdir(folder)
    if len(inside) == 1 and os.path.isdir(os.path.join(folder, inside[0])):
        folder = os.path.join(folder, inside[0])
    if not os.path.isfile(os.path.join(folder, "config.yaml")):
        raise Refused("it has no config.yaml, neither itself nor in its only folder")
    return folder


def project_name(source):
    path = urllib.parse.urlsplit(source).path if "://" in source else source
    name = os.path.basename(path)
    return name[:-4] if name.lower().endswith(".zip") and len(name) > 4 else name or "project"


def place(work, archive, projects, checksum, name):
    """Unpacks it beside its place, and puts it there."""
    folder = os.path.join(projects, checksum, name)
    if not os.path.isdir(folder):
        fresh = os.path.join(work, name)
        os.mkdir(fresh, mode=0o755)
        unpack(archive, fresh)
        find_project(fresh)
        os.makedirs(os.path.dirname(folder), mode=0o755, exist_ok=True)
        try:
            os.rename(fresh, folder)
        except OSError:
            if not os.path.isdir(folder):  # another bruco was quicker
                raise
    return find_project(folder)


def prepare(cache, source):
    source, wanted = split_checksum(source)
    remote = "://" in source
    if remote and source.partition("://")[0].lower() not in ("https", "http"):
        raise Refused(UNSUPPORTED, USAGE)
    name = project_name(source)
    projects = os.path.join(cache, "projects")
    if remote and wanted is None:
        raise Refused("an address needs a checksum: append '#sha256=' and what sha256sum says of the file")
    if remote and os.path.isdir(os.path.join(projects, wanted, name)):
        return find_project(os.path.join(projects, wanted, name))
    os.makedirs(projects, mode=0o700, exist_ok=True)
    work = tempfile.mkdtemp(prefix=".unpack-", dir=projects)
    try:
        with open(os.path.join(work, ".archive"), "w+b") as archive:
            if remote:
                checksum = fetch(source, archive)
            else:
                with open(source, "rb") as file:
                    checksum = copy(file, archive, ARCHIVE_MAX, "the archive")
            if wanted not in (None, checksum):
                raise Refused(f"its checksum is another one: {checksum}")
            return place(work, archive, projects, checksum, name)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def main():
    os.umask(0o022)
    source = os.fsdecode(sys.stdin.buffer.read())
    bare = source.partition("#sha256=")[0]
    try:
        print(prepare(sys.argv[1], source))
    except (Refused, OSError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else error
        print(f"{shown(bare) if '://' in bare else bare}: {why}", file=sys.stderr)
        sys.exit(getattr(error, "status", CONFIG))


if __name__ == "__main__":
    main()
