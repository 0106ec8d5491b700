"""The contenders in other people's hands: how each is installed and started."""
import dataclasses
import json
import os
import pathlib
import shutil
import subprocess

from contender import HERE, LINGER_MS, Contender, Unavailable

PEERS = HERE / "peers"
INSTALL_SECONDS = 300


def output(*command):
    """What a command prints. Raises subprocess.SubprocessError or OSError."""
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _install(*commands):
    for command in commands:
        try:
            subprocess.run(command, check=True, capture_output=True, text=True,
                           timeout=INSTALL_SECONDS)
        except (OSError, subprocess.SubprocessError) as error:
            said = (getattr(error, "stderr", None) or getattr(error, "stdout", None) or str(error))
            raise Unavailable("cannot be installed: " + _cause(said)) from error


def _cause(said):
    """The line that says why: Maven puts it first, pip last."""
    lines = said.strip().split("\n")
    errors = [line for line in lines if line.startswith("[ERROR]")]
    return errors[0] if errors else lines[-1]


def environment(work, requirements):
    """A virtual environment with what the file names, made once for each content of the file.
    Returns its folder. Raises Unavailable."""
    requirements = PEERS / requirements
    folder = pathlib.Path(work, "environments", requirements.stem)
    done = folder / "done"
    wanted = requirements.read_text()
    if not done.exists() or done.read_text() != wanted:
        python = os.environ.get("PYTHON", "/usr/bin/python3")
        _install([python, "-m", "venv", "--clear", str(folder)],
                 [str(folder / "bin" / "python"), "-m", "pip", "install", "-q",
                  "--disable-pip-version-check", "--only-binary",
                  "confluent-kafka,bytewax,orjson", "-r", str(requirements)])
        done.write_text(wanted)
    return folder


def packages(folder):
    """A virtual environment's folder for PYTHONPATH. Raises Unavailable."""
    found = list(pathlib.Path(folder).glob("lib/python3*/site-packages"))
    if len(found) != 1:
        raise Unavailable("the virtual environment has no site-packages")
    return str(found[0])


def _argument(job, options):
    """The one argument of all of them: the job as JSON. `options` are the contender's own; those that
    are a job's are put in their place."""
    fields = dataclasses.asdict(job)
    own = {name: value for name, value in options.items() if name not in fields}
    return json.dumps({**fields, **options, "options": own})


class Python(Contender):
    """A Python program in a virtual environment that holds what its requirements file names."""

    def __init__(self, label, script, requirements, settings, transactional=False, **options):
        self.label = label
        self.transactional = transactional
        self.script = str(PEERS / script)
        self.requirements = requirements
        self.settings = settings
        self.options = options

    def prepare(self, work):
        """Installs it, once: a second call with the same requirements finds it done."""
        self.python = str(environment(work, self.requirements) / "bin" / "python")
        found = json.loads(output(self.python, "-W", "ignore", "-c", _VERSIONS))
        self.version = ", ".join(found["packages"]) + ", Python " + found["python"]
        self.library = found["library"]

    def command(self, job):
        return [self.python, "-W", "ignore", self.script, _argument(job, self.options)]


_VERSIONS = """
import importlib.metadata, json, platform
packages = []
for name in ("confluent-kafka", "quixstreams", "faust-streaming", "aiokafka", "faststream",
             "bytewax"):
    try:
        packages.append(name + " " + importlib.metadata.version(name))
    except importlib.metadata.PackageNotFoundError:
        pass
try:
    import confluent_kafka
    library = "librdkafka " + confluent_kafka.libversion()[0]
except ImportError:
    library = "no librdkafka (aiokafka)"
print(json.dumps({"packages": packages, "python": platform.python_version(), "library": library}))
"""


class Jvm(Contender):
    """A Java program: a class of peers/java, compiled against the jars that its pom.xml names."""

    SOURCES = PEERS / "java"
    HEAP = "512m"

    def __init__(self, label, main, artifact, settings, transactional=False, **options):
        self.label = label
        self.main = main
        self.artifact = artifact
        self.settings = f"{settings}; a heap of at most {self.HEAP}"
        self.transactional = transactional
        self.options = options

    def prepare(self, work):
        """Fetches and compiles, once for all of this kind: a second call finds it done."""
        folder = pathlib.Path(work, "jvm")
        done = folder / "done"
        sources = sorted(self.SOURCES.iterdir())
        wanted = "".join(source.read_text() for source in sources)
        if not done.exists() or done.read_text() != wanted:
            for program in ("java", "javac", "mvn"):
                if shutil.which(program) is None:
                    raise Unavailable(f"'{program}' is not installed")
            shutil.rmtree(folder, ignore_errors=True)
            _install(["mvn", "-q", "-B", "-f", str(self.SOURCES / "pom.xml"),
                      "dependency:copy-dependencies", f"-DoutputDirectory={folder / 'jars'}",
                      "-DincludeScope=runtime"],
                     ["javac", "-d", str(folder / "classes"), "-cp", f"{folder}/jars/*",
                      *[str(source) for source in sources if source.suffix == ".java"]])
            done.write_text(wanted)
        self.classpath = f"{folder}/classes:{folder}/jars/*"
        self.version = (f"{self.artifact} {self._jar_version(folder, self.artifact)}, Java "
                        + output("java", "--version").split()[1])
        self.library = "kafka-clients " + self._jar_version(folder, "kafka-clients")

    @staticmethod
    def _jar_version(folder, artifact):
        found = sorted(folder.glob(f"jars/{artifact}-[0-9]*.jar"))
        return found[0].stem[len(artifact) + 1:] if found else "?"

    def command(self, job):
        return ["java", f"-Xmx{self.HEAP}", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
                "-cp", self.classpath, self.main, _argument(job, self.options)]


def commits(more, linger=f"linger.ms={LINGER_MS:g}"):
    """The settings of one that commits each second."""
    return f"{linger}, commits each second{more}"
