"""Trains over and over while executors and drivers are killed, stopped and their files damaged, and compares bits.

    python3 src/soak/soak.py [--minutes 60] [--seed 1] [--data DIR] [--work DIR] [--from ROUND] [--standalone] [--hdfs JAR]

Every round trains one of a few configurations to its end, through as many faults and resumes as its seed says, and must
come to the weights_sha256 of an undisturbed run. What happens in round N depends on the seed and N alone, but for the
step at which a signal arrives. Faults come when a step has been reached, not after a time. Prints a line a round and the
counts at the end; writes soak.jsonl to the working directory, which keeps the logs of rounds that failed. Exit status 0
if every round came to the right bits, 1 if not, 2 for wrong usage. Python 3 alone; Linux (/proc).

With --standalone, runs go to a master and two workers of submit/standalone too. With --hdfs, data and runs lie on an HDFS of
two data nodes in a process of its own, one of which stops and comes back; JAR is Hadoop's hadoop-client-minicluster, which
the build downloads to the local Maven repository.
"""

import argparse
import base64
import collections
import contextlib
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
STANDALONE = "standalone"
MASTERS = ["local[2]", "local-cluster[2,1,1024]", "local-cluster[3,1,1024]"]
OF_EXECUTORS = ["kill one executor", "kill all executors", "kill all executors but one", "stop one executor for a while"]
OF_DATA_NODES = "stop a data node for a while"
OF_DRIVERS = ["kill the driver", "ask the driver to end"]
OF_FILES = ["none", "flip a bit of the newest checkpoint", "cut the newest checkpoint off", "empty the newest checkpoint"]


class Failure(Exception):
    """A round that did not do what it has to."""


class Run:
    """One process of submit/lockstep train, and what it has come to."""

    def __init__(self, store, standalone, log, master, options):
        self.store = store
        self.workers = standalone if master == STANDALONE else None
        if self.workers:
            master = self.workers.master
        command = [os.path.join(HOME, "submit", "lockstep"), "--master", master, "--conf", "spark.ui.enabled=false"]
        command += ["--conf", "spark.hadoop.dfs.replication=2"]  # as many as there are data nodes, where there are some
        command += ["train", "--data", store.data, "--out", store.run]
        command += ["--iterations", str(STEPS), "--log-every", str(LOG_EVERY)]
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
            lines = (self.store.read("metrics.jsonl") or b"").split(b"\n")[:-1]
        except Failure:
            return 0  # a file that is being written may not be readable while a data node goes
        return json.loads(lines[-1])["step"] if lines else 0

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
        session = self.workers.session if self.workers else self.process.pid
        return [pid for pid in processes_of(session) if EXECUTOR in command_of(pid)]

    def left(self):
        return sorted(set(processes_of(self.process.pid) + self.executors()))

    def require_gone(self):
        """Nothing of the run may stay."""
        deadline = time.monotonic() + GONE_SECONDS
        while self.left():
            if time.monotonic() > deadline:
                raise Failure(f"processes {self.left()} outlive the driver by {GONE_SECONDS} s")
            time.sleep(POLL_SECONDS)

    def end(self):
        for pid in self.left():
            send(pid, signal.SIGKILL)
        self.process.wait()


class LocalFiles:
    """Data and the directory of runs on this machine."""

    def __init__(self, arguments):
        self.data = arguments.data
        self.run = os.path.join(arguments.work, "run")

    def clear(self):
        shutil.rmtree(self.run, ignore_errors=True)

    def names(self, directory):
        path = os.path.join(self.run, directory)
        return os.listdir(path) if os.path.isdir(path) else []

    def read(self, name):
        """None if there is no such file."""
        try:
            with open(os.path.join(self.run, name), "rb") as file:
                return file.read()
        except FileNotFoundError:
            return None

    def write(self, name, content):
        path = os.path.join(self.run, name)
        with open(path, "wb") as file:
            file.write(content)
        crc = os.path.join(os.path.dirname(path), "." + os.path.basename(path) + ".crc")
        if os.path.exists(crc):
            os.remove(crc)  # so that the reader itself has to find the damage

    def close(self):
        pass


class Hdfs:
    """Data and the directory of runs on an HDFS, which is a child process."""

    def __init__(self, arguments):
        directory = os.path.join(arguments.work, "hdfs")
        shutil.rmtree(directory, ignore_errors=True)
        target = os.path.join(HOME, "target")
        parts = ["test-classes", "classes", os.path.join("spark", "jars", "*")]
        settings = [os.path.join(HOME, "conf", "log4j2.properties")]
        settings += [os.path.join(HOME, "src", "test", "resources", "log4j2-servers.properties")]
        command = ["java", "-Xmx512m", "-Dlog4j2.configurationFile=" + ",".join(settings), "-Dlockstep.log.level=warn"]
        command += ["-cp", ":".join([os.path.join(target, part) for part in parts] + [arguments.hdfs])]
        command += ["dev.lockstep.cluster.HdfsProcess", directory, arguments.data]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, start_new_session=True)
        uri = self.process.stdout.readline().decode().strip()
        if not uri.startswith("hdfs:"):
            raise Failure("the HDFS does not start")
        self.data = uri + "/data"
        self.run = uri + "/run"

    def ask(self, *words):
        self.process.stdin.write((" ".join(words) + "\n").encode())
        self.process.stdin.flush()
        answer = self.process.stdout.readline().decode().rstrip("\n")
        if answer.startswith("!"):
            raise Failure("HDFS: " + answer)
        return answer

    def clear(self):
        self.ask("delete", "/run")

    def names(self, directory):
        return self.ask("names", "/run/" + directory).split()

    def read(self, name):
        answer = self.ask("read", "/run/" + name)
        return base64.b64decode(answer[1:]) if answer.startswith("+") else None

    def write(self, name, content):
        self.ask("write", "/run/" + name, base64.b64encode(content).decode())

    def stop_data_node(self, chance):
        self.ask("stop")
        time.sleep(chance.uniform(0.1, 3))
        self.ask("start")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Standalone:
    """A master and two workers on this machine."""

    def __init__(self, arguments):
        directory = os.path.join(arguments.work, "standalone")
        self.environment = dict(os.environ, LOCKSTEP_NO_BUILD="1", LOCKSTEP_STANDALONE_DIR=directory)
        self.command("stop")
        started = self.command("start")
        self.master = next(word for word in started.split() if word.startswith("spark://"))
        with open(os.path.join(directory, "master.pid"), encoding="ascii") as file:
            self.session = os.getsid(int(file.read()))

    def command(self, action):
        program = [os.path.join(HOME, "submit", "standalone"), action]
        return subprocess.run(
            program, env=self.environment, stdout=subprocess.PIPE, check=True, text=True, start_new_session=True
        ).stdout

    def close(self):
        self.command("stop")


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
    if fault == "kill all executors but one":
        return any([send(pid, signal.SIGKILL) for pid in executors if pid != victim])
    if fault == "kill one executor":
        return send(victim, signal.SIGKILL)
    stopped = send(victim, signal.SIGSTOP)
    time.sleep(chance.uniform(0.1, 3))
    send(victim, signal.SIGCONT)
    return stopped


def damage(kind, store, chance):
    """Damages the newest checkpoint, if there is one before it; returns what was done."""
    checkpoints = sorted(name for name in store.names("checkpoints") if name.startswith("step-"))
    if kind == "none" or len(checkpoints) < 2:
        return None
    newest = "checkpoints/" + checkpoints[-1]
    content = bytearray(store.read(newest))
    if kind.startswith("flip"):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    else:
        del content[0 if kind.startswith("empty") else chance.randrange(1, len(content)) :]
    store.write(newest, content)
    return kind


def sha256(store):
    return json.loads(store.read("summary.json"))["weights_sha256"]


def disturbed_round(number, seed, store, standalone, references, log):
    """Trains through the round's faults; returns what happened."""
    chance = random.Random(f"{seed}/{number}")
    name = chance.choice(sorted(CONFIGURATIONS))
    store.clear()
    happened = []
    resume = []
    step = 0
    drivers_to_lose = chance.choice([0, 1, 1, 2])
    while True:
        master = chance.choice(MASTERS + [STANDALONE] if standalone else MASTERS)
        run = Run(store, standalone, log, master, CONFIGURATIONS[name] + resume)
        happened.append(master)
        try:
            faults = [] if master.startswith("local[") else chance.choices(OF_EXECUTORS, k=chance.randrange(3))
            if isinstance(store, Hdfs):
                faults += [OF_DATA_NODES] * chance.randrange(2)
                chance.shuffle(faults)
            last = drivers_to_lose == 0
            if not last:
                faults.append(chance.choice(OF_DRIVERS))
            for fault in faults:
                step = min(STEPS - LOG_EVERY, step + chance.randrange(LOG_EVERY, STEPS // 4))
                if not run.reaches(step):
                    break
                if fault == OF_DATA_NODES:
                    store.stop_data_node(chance)
                    happened.append(fault)
                elif fault in OF_EXECUTORS:
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
        done = damage(chance.choice(OF_FILES), store, chance)
        if done:
            happened.append(done)
        resume = ["--resume"]
    if sha256(store) != references[name]:
        raise Failure(f"{name}: expected weights {references[name]}, found {sha256(store)} after {happened}")
    return name, happened


def reference(name, store, log):
    """The bits of an undisturbed run."""
    store.clear()
    run = Run(store, None, log, "local[2]", CONFIGURATIONS[name])
    try:
        if run.status() != 0:
            raise Failure(f"undisturbed run of {name}: status {run.process.returncode}, see {log}")
    finally:
        run.end()
    return sha256(store)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("--minutes", type=float, default=60, help="begin no round after this (60)")
    parser.add_argument("--seed", type=int, default=1, help="seed of all rounds (1)")
    parser.add_argument("--from", type=int, default=1, dest="first", metavar="ROUND", help="the first round (1)")
    parser.add_argument("--data", default=os.path.join(HOME, "data", "mnist-10k"), help="the four IDX files")
    parser.add_argument("--work", default=os.path.join(HOME, "target", "soak"), help="working directory")
    parser.add_argument("--standalone", action="store_true", help="train on a standalone cluster too")
    parser.add_argument("--hdfs", metavar="JAR", help="data and runs on an HDFS that this jar has the nodes of")
    arguments = parser.parse_args()
    if arguments.hdfs and not os.path.isfile(arguments.hdfs):
        parser.error(f"--hdfs {arguments.hdfs}: no such file")
    os.makedirs(arguments.work, exist_ok=True)
    print(f"seed {arguments.seed}, {arguments.minutes:g} minutes, {STEPS} steps a round", flush=True)
    with contextlib.ExitStack() as opened:
        store = opened.enter_context(contextlib.closing((Hdfs if arguments.hdfs else LocalFiles)(arguments)))
        standalone = None
        if arguments.standalone:
            standalone = opened.enter_context(contextlib.closing(Standalone(arguments)))
        return soak(arguments, store, standalone)


def soak(arguments, store, standalone):
    log = os.path.join(arguments.work, "round.log")
    references = {name: reference(name, store, log) for name in sorted(CONFIGURATIONS)}
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
                result["configuration"], result["happened"] = disturbed_round(
                    number, arguments.seed, store, standalone, references, log
                )
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
