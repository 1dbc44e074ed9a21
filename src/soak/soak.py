"""Trains over and over while executors and drivers are killed, stopped and their files damaged, and compares bits.

    python3 src/soak/soak.py [--minutes 60] [--seed 1] [--data DIR] [--work DIR] [--from ROUND]

Every round trains one of a few configurations to its end, through as many faults and resumes as its seed says, and must
come to the weights_sha256 of an undisturbed run. What happens in round N depends on the seed and N alone, but for the
step at which a signal arrives. Faults come when a step has been reached, not after a time. Prints a line a round and the
counts at the end; writes soak.jsonl to the working directory, which keeps the logs of rounds that failed. Exit status 0
if every round came to the right bits, 1 if not, 2 for wrong usage. Python 3 alone; Linux (/proc).
"""

import argparse
import collections
import glob
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

HOME = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
STEPS = 6000
CHECKPOINT_EVERY = 500
LOG_EVERY = 50
ROUND_SECONDS = 300  # a round that takes longer hangs
GONE_SECONDS = 60  # executors end by themselves when their driver has gone
POLL_SECONDS = 0.02
EXECUTOR = b"CoarseGrainedExecutorBackend"

CONFIGURATIONS = {
    "book": [],
    "momentum": ["--optimizer", "momentum", "--sampling", "epoch", "--learning-rate", "0.02"],
    "decay": ["--optimizer", "nesterov", "--weight-decay", "0.0001", "--batch-size", "37", "--learning-rate", "0.02"],
}
MASTERS = ["local[2]", "local-cluster[2,1,1024]", "local-cluster[3,1,1024]"]
OF_EXECUTORS = ["kill one executor", "kill all executors", "stop one executor for a while"]
OF_DRIVERS = ["kill the driver", "ask the driver to end"]
OF_FILES = ["none", "flip a bit of the newest checkpoint", "cut the newest checkpoint off", "empty the newest checkpoint"]


class Failure(Exception):
    """A round that did not do what it has to."""


class Run:
    """One process of submit/lockstep train, and what it has come to."""

    def __init__(self, directory, log, master, options):
        self.metrics = os.path.join(directory, "metrics.jsonl")
        self.log = log
        command = [os.path.join(HOME, "submit", "lockstep"), "--master", master, "--conf", "spark.ui.enabled=false"]
        command += ["train", "--out", directory, "--iterations", str(STEPS), "--log-every", str(LOG_EVERY)]
        command += ["--checkpoint-every", str(CHECKPOINT_EVERY)] + options
        with open(log, "ab") as out:
            out.write((" ".join(command) + "\n").encode())
            out.flush()
            environment = dict(os.environ, LOCKSTEP_NO_BUILD="1")
            self.process = subprocess.Popen(
                command, stdout=out, stderr=out, stdin=subprocess.DEVNULL, env=environment, start_new_session=True
            )
        self.deadline = time.monotonic() + ROUND_SECONDS

    def step(self):
        """The last step that was logged; 0 before the first."""
        try:
            with open(self.metrics, "rb") as file:
                file.seek(max(0, os.path.getsize(self.metrics) - 4096))
                lines = file.read().split(b"\n")[:-1]
        except FileNotFoundError:
            return 0
        for line in reversed(lines):
            try:
                return json.loads(line)["step"]
            except (ValueError, KeyError):
                continue  # the first line of what was read may be cut off
        return 0

    def reaches(self, step):
        """Waits until the step is logged; False if the process has ended before."""
        while self.step() < step:
            if self.process.poll() is not None:
                return False
            self.require_time()
            time.sleep(POLL_SECONDS)
        return True

    def status(self):
        """Waits for the end."""
        while self.process.poll() is None:
            self.require_time()
            time.sleep(POLL_SECONDS)
        return self.process.returncode

    def require_time(self):
        if time.monotonic() > self.deadline:
            raise Failure(f"no end after {ROUND_SECONDS} s, at step {self.step()}")

    def executors(self):
        return [pid for pid in processes_of(self.process.pid) if EXECUTOR in command_of(pid)]

    def require_gone(self):
        """Nothing of the run may stay."""
        deadline = time.monotonic() + GONE_SECONDS
        while processes_of(self.process.pid):
            if time.monotonic() > deadline:
                raise Failure(f"processes {processes_of(self.process.pid)} outlive the driver by {GONE_SECONDS} s")
            time.sleep(POLL_SECONDS)

    def end(self):
        for pid in processes_of(self.process.pid):
            send(pid, signal.SIGKILL)
        self.process.wait()


def processes_of(session):
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                if os.getsid(int(name)) == session and state_of(int(name)) != "Z":
                    found.append(int(name))
            except (ProcessLookupError, FileNotFoundError):
                continue
    return found


def state_of(pid):
    with open(f"/proc/{pid}/stat", "rb") as file:
        return file.read().rsplit(b")", 1)[1].split()[0].decode()


def command_of(pid):
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read()
    except (ProcessLookupError, FileNotFoundError):
        return b""


def send(pid, number):
    try:
        os.kill(pid, number)
        return True
    except ProcessLookupError:
        return False


def disturb_executors(fault, run, chance):
    """Returns whether there was somebody to disturb."""
    executors = run.executors()
    if not executors:
        return False
    if fault == "kill all executors":
        return any([send(pid, signal.SIGKILL) for pid in executors])
    victim = chance.choice(sorted(executors))
    if fault == "kill one executor":
        return send(victim, signal.SIGKILL)
    stopped = send(victim, signal.SIGSTOP)
    time.sleep(chance.uniform(0.1, 3))
    send(victim, signal.SIGCONT)
    return stopped


def damage(kind, directory, chance):
    """Damages the newest checkpoint, if there is one before it; returns what was done."""
    checkpoints = sorted(glob.glob(os.path.join(directory, "checkpoints", "step-*")))
    if kind == "none" or len(checkpoints) < 2:
        return None
    newest = checkpoints[-1]
    length = os.path.getsize(newest)
    with open(newest, "r+b") as file:
        if kind.startswith("flip"):
            at = chance.randrange(length)
            file.seek(at)
            byte = file.read(1)[0]
            file.seek(at)
            file.write(bytes([byte ^ 1 << chance.randrange(8)]))
        else:
            file.truncate(0 if kind.startswith("empty") else chance.randrange(1, length))
    for crc in glob.glob(os.path.join(directory, "checkpoints", "." + os.path.basename(newest) + ".crc")):
        os.remove(crc)  # so that the reader itself has to find the damage
    return kind


def sha256(directory):
    with open(os.path.join(directory, "summary.json"), "rb") as file:
        return json.load(file)["weights_sha256"]


def disturbed_round(number, arguments, references, log):
    """Trains through the round's faults; returns what happened."""
    chance = random.Random(f"{arguments.seed}/{number}")
    name = chance.choice(sorted(CONFIGURATIONS))
    directory = os.path.join(arguments.work, "run")
    shutil.rmtree(directory, ignore_errors=True)
    happened = []
    resume = []
    step = 0
    drivers_to_lose = chance.choice([0, 1, 1, 2])
    while True:
        master = chance.choice(MASTERS)
        run = Run(directory, log, master, CONFIGURATIONS[name] + ["--data", arguments.data] + resume)
        happened.append(master)
        try:
            faults = [] if master.startswith("local[") else chance.choices(OF_EXECUTORS, k=chance.randrange(3))
            last = drivers_to_lose == 0
            if not last:
                faults.append(chance.choice(OF_DRIVERS))
            for fault in faults:
                step = min(STEPS - LOG_EVERY, step + chance.randrange(LOG_EVERY, STEPS // 4))
                if not run.reaches(step):
                    break
                if fault in OF_EXECUTORS:
                    if disturb_executors(fault, run, chance):
                        happened.append(fault)
                elif send(run.process.pid, signal.SIGKILL if fault.startswith("kill") else signal.SIGTERM):
                    happened.append(fault)
            status = run.status()
            run.require_gone()
        finally:
            run.end()
        if status == 0:
            break
        if last or status not in (-signal.SIGKILL, 130, 143, -signal.SIGTERM):
            raise Failure(f"status {status} after {happened}")
        drivers_to_lose -= 1
        done = damage(chance.choice(OF_FILES), directory, chance)
        if done:
            happened.append(done)
        resume = ["--resume"]
    if sha256(directory) != references[name]:
        raise Failure(f"{name}: expected weights {references[name]}, found {sha256(directory)} after {happened}")
    return name, happened


def reference(name, arguments, log):
    """The bits of an undisturbed run."""
    directory = os.path.join(arguments.work, "run")
    shutil.rmtree(directory, ignore_errors=True)
    run = Run(directory, log, "local[2]", CONFIGURATIONS[name] + ["--data", arguments.data])
    try:
        if run.status() != 0:
            raise Failure(f"undisturbed run of {name}: status {run.process.returncode}, see {log}")
    finally:
        run.end()
    return sha256(directory)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=60, help="begin no round after this (60)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all rounds (1)")
    parser.add_argument("--from", type=int, default=1, dest="first", metavar="ROUND", help="the first round (1)")
    parser.add_argument("--data", default=os.path.join(HOME, "data", "mnist-10k"), help="the four IDX files")
    parser.add_argument("--work", default=os.path.join(HOME, "target", "soak"), help="working directory")
    arguments = parser.parse_args()
    os.makedirs(arguments.work, exist_ok=True)
    log = os.path.join(arguments.work, "round.log")
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes, {STEPS} steps a round", flush=True)
    references = {name: reference(name, arguments, log) for name in sorted(CONFIGURATIONS)}
    counts = collections.Counter()
    failed = 0
    number = arguments.first
    end = time.monotonic() + arguments.minutes * 60
    with open(os.path.join(arguments.work, "soak.jsonl"), "w", encoding="utf-8") as results:
        while time.monotonic() < end:
            open(log, "wb").close()
            began = time.monotonic()
            result = {"round": number}
            try:
                result["configuration"], result["happened"] = disturbed_round(number, arguments, references, log)
                counts.update(result["happened"])
            except Failure as failure:
                failed += 1
                result["failure"] = str(failure)
                shutil.copy(log, os.path.join(arguments.work, f"failed-{number}.log"))
            result["seconds"] = round(time.monotonic() - began, 1)
            results.write(json.dumps(result) + "\n")
            results.flush()
            print(json.dumps(result), flush=True)
            number += 1
    print(f"{number - arguments.first} rounds, {failed} failed")
    for what, count in sorted(counts.items()):
        print(f"  {count:5d} {what}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
