"""Handlers that attack from their own worker."""

import json
import os
import pwd
import shutil
import subprocess
import time
from pathlib import Path

from scenario import Run
from world import BIN, ENVIRONMENT, ROOT, Stuck

STEP = 100           # every so many records one attack, where the lane is a hostile one
POISON = 2300        # no multiples of one another but of STEP
FILTERED = 7 * 143
HOSTILE = ("worker-0", "worker-1")
HERE = Path(__file__).resolve().parent


class Hostile(Run):
    """Two of four workers attack in each of their lives: forged frames, marks, messages and pages, floods,
    processes that they leave behind, signals. Nothing of any lane is lost, doubled or invented; the honest workers live once,
    and the driver answers all the time."""

    workers = 4
    handler = (HERE / "hostile_handler.py").read_text()
    processor = ("  retry: {attempts: 3, backoff: 10ms, maxBackoff: 50ms}\n"
                 "  timeout: 2s\n  onFailure: deadLetter\n")
    checks = ("--poison", POISON, "--filtered", FILTERED)
    dead_letter = True
    may_repeat = False

    def plan(self):
        """At which record; which of them are in a hostile lane shows then."""
        return [{"kind": "attack", "id": i * STEP} for i in range((self.records + STEP - 1) // STEP)]

    def config(self, name):
        """With a user of its own for the workers, where that is possible."""
        text = super().config(name).replace("inheritEnv: [", "inheritEnv: ['HOSTILE*', ")
        alone = text.replace("processor:\n", "processor:\n  user: nobody\n")
        path = self.folder / "probe.yaml"
        path.write_text(alone)
        self.alone = os.geteuid() == 0 and subprocess.run(
            [str(BIN / "bruco"), "check", "-q", str(path)], env=ENVIRONMENT, check=False,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL).returncode == 0
        return alone if self.alone else text

    def instance(self, name):
        instance = super().instance(name)
        instance.config.chmod(0o600)
        return instance

    def set_up(self):
        super().set_up()
        self.folder.chmod(0o755)
        for name in ("forge.py", "frames.py"):
            shutil.copy(ROOT / "tests" / name, self.folder)
        self.done = self.folder / "done"
        self.done.mkdir()
        if os.geteuid() == 0:
            os.chown(self.done, pwd.getpwnam("nobody").pw_uid, -1)

    def ask(self, one):
        """The answer to `bruco status`."""
        answer = subprocess.run([str(BIN / "bruco"), "status", "--json", "-c", str(one.config)],
                                env={**ENVIRONMENT, **one.environment}, check=False, capture_output=True, text=True,
                                timeout=30)
        if answer.returncode != 0:
            raise Stuck(f"no answer to status: {answer.stderr.strip()}")
        return json.loads(answer.stdout)

    def play(self):
        one = self.instance("one")
        runtime = self.folder / "run"
        runtime.mkdir(mode=0o700)
        one.environment = {"HOSTILE": " ".join(HOSTILE), "HOSTILE_IDS": f"{STEP} {POISON} {FILTERED}",
                           "HOSTILE_DONE": str(self.done), "XDG_RUNTIME_DIR": str(runtime)}
        if self.alone:
            one.environment["HOSTILE_ALONE"] = "yes"
        self.start(one)
        # Slow enough that most attacks find what was answered before them already written.
        self.load.add(self.records, self.records / 1500)
        slowest = self.follow(one)
        if slowest > 5:
            self.wrong.append(f"an answer to status took {slowest:.1f} s")
        self.look_at_workers(self.ask(one))
        if one.process.poll() is not None:
            raise Stuck(f"bruco ended with {one.process.returncode}: {one.last_words()}")
        for attack in self.attacks():
            self.mark(attack)
        self.schedule = self.schedule[:len(self.marks)]

    def follow(self, one):
        """Asks until all is committed; the longest wait for an answer."""
        slowest = 0
        while True:
            begun = time.monotonic()
            self.ask(one)
            slowest = max(slowest, time.monotonic() - begun)
            if self.load.filler is None or self.load.filler.poll() is not None:
                self.load.wait()
                try:
                    self.caught_up(1)
                    return slowest
                except Stuck:
                    if one.process.poll() is not None:
                        raise
            else:
                time.sleep(1)
            if self.stands_still():
                raise Stuck("nothing was committed for 60 s")

    def stands_still(self):
        now, total = time.monotonic(), sum(self.reader.look().committed)
        if total > getattr(self, "total", -1):
            self.total, self.moved = total, now
        return now - self.moved > 60

    def look_at_workers(self, status):
        for stage in status["stages"]:
            name = stage["name"].removeprefix("bruco-")
            if name in HOSTILE and stage["starts"] < 2:
                self.wrong.append(f"{name} has not been ended by any attack")
            if name not in HOSTILE and stage["starts"] != 1:
                self.wrong.append(f"{name} was started {stage['starts']} times")

    def attacks(self):
        return sorted(path.name.split(".")[1] for path in self.done.iterdir())
