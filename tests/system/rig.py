"""Starts mosquitto, stethos-edge, stethos-collector and stethos-sim as processes and talks to them as anybody would.

Every process logs to a file in the rig's folder, listens on a loopback port of its own, is stopped by its id when the rig
closes, and is killed by the kernel when this program dies. Nothing waits for a time: wait_for waits for a condition, and
fails when its deadline has passed.
"""

import contextlib
import ctypes
import dataclasses
import fcntl
import itertools
import json
import os
import pathlib
import random
import re
import signal
import socket
import sqlite3
import subprocess
import tempfile
import time
import urllib.error
import urllib.parse
import urllib.request
from http.client import HTTPException

from ledger import Ledger, Window, reconcile
from proxy import Proxy

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
BINARIES = pathlib.Path(os.environ.get("STETHOS_BINARIES", ROOT / "build/dev/bin"))
DATA = pathlib.Path(os.environ.get("STETHOS_DATA", ROOT / "../shared/data")).resolve()

SECOND_NS = 1_000_000_000
MINUTE_NS = 60 * SECOND_NS
DEADLINE_S = 60
PORTS_A_PROCESS = 1_000

PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)
_http = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class RigError(AssertionError):
    """Something did not happen in time, or ended that should not have."""


def wait_for(condition, what, seconds=DEADLINE_S):
    """Returns the first true value of `condition()`, which is asked again and again until the deadline."""
    deadline = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > deadline:
            raise RigError(f"waited {seconds} s in vain: {what() if callable(what) else what}")
        time.sleep(0.02)  # between two looks, not for anything to happen


def _ports_of_this_process():
    """Ports that no other process of tests asks for: a lock on their block is held until this process ends.

    They lie below those that the kernel gives to outgoing connections: one of these could take the port of a killed program
    before that program starts again.
    """
    folder = pathlib.Path(tempfile.gettempdir(), f"stethos-ports-{os.getuid()}")
    folder.mkdir(exist_ok=True)
    for first in range(10_000, 32_000, PORTS_A_PROCESS):
        lock = (folder / str(first)).open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            continue
        yield from itertools.cycle(range(first, first + PORTS_A_PROCESS))
    raise RigError(f"every block of ports is locked in {folder}")


_ports = _ports_of_this_process()


def free_port():
    """A port on which nothing listens, and which no other test has."""
    for port in itertools.islice(_ports, PORTS_A_PROCESS):
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port
    raise RigError("no port is free")


def is_listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def http(url, body=None, headers=None, seconds=30):
    """(status, bytes); status 0: nobody answered, or not to the end."""
    try:
        with _http.open(urllib.request.Request(url, data=body, headers=headers or {}), timeout=seconds) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as answer:
        return answer.code, answer.read()
    except (OSError, HTTPException):
        return 0, b""


def toml(config):
    """A TOML text of a flat dict: "mqtt.port": 1883 is a dotted key, a list of dicts an array of tables."""
    def value(of):
        if isinstance(of, bool):
            return "true" if of else "false"
        if isinstance(of, dict):
            return "{" + ", ".join(f"{json.dumps(key)} = {value(each)}" for key, each in of.items()) + "}"
        if isinstance(of, list):
            return "[" + ", ".join(map(value, of)) + "]"
        return json.dumps(str(of)) if isinstance(of, pathlib.Path) else json.dumps(of)

    def is_tables(of):
        return isinstance(of, list) and of and all(isinstance(each, dict) for each in of)

    lines = [f"{key} = {value(of)}" for key, of in config.items() if not is_tables(of)]
    for key, of in config.items():
        if is_tables(of):
            for table in of:
                lines += ["", f"[[{key}]]", *(f"{name} = {value(each)}" for name, each in table.items())]
    return "\n".join(lines) + "\n"


def metrics_of(text):
    """[(name, labels, value)] of the text format of Prometheus."""
    found = []
    for line in text.splitlines():
        match = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{(.*)\})? (\S+)(?: \d+)?", line)
        if match and not line.startswith("#"):
            labels = dict(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', match[2] or ""))
            found.append((match[1], labels, float(match[3])))
    return found


class Process:
    """One program, started as often as wanted with the same command line; its log grows over all of them."""

    name = "process"

    def __init__(self, rig, command, label=None):
        self.rig = rig
        self.command = [str(part) for part in command]
        self.log = rig.folder / f"{label or rig.name_for(self.name)}.log"
        self.child = None
        self.canary = ""  # the promise that it breaks, see common/fault_point.h
        rig.processes.append(self)

    def start(self):
        was_killed = self.child is not None and self.child.poll() == -signal.SIGKILL
        begun = time.monotonic()
        self.spawn()
        if was_killed:
            self.wait_until(self.is_at_work)
            self.rig.recovery_s = max(self.rig.recovery_s, time.monotonic() - begun)
        self.wait_until(self.is_ready)
        return self

    def dies_at(self, point, passes):
        """Started to kill itself when it passes a fault point for that many times; returns when it has."""
        self.spawn(f"kill:{point}:{passes}")
        code = self.wait()
        if code != -signal.SIGKILL:
            raise RigError(f"{self.name} ended with {code} instead of at {point}:\n{self.log_tail()}")
        self.rig.kills += 1

    def spawn(self, *faults):
        if self.child is not None and self.child.poll() is None:
            raise RigError(f"{self.name} runs already")
        parent = os.getpid()

        def die_with_parent():
            _libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:
                os._exit(1)

        faults += (f"canary:{self.canary}",) if self.canary else ()
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.rig.folder,
                                          env={**os.environ, "STETHOS_FAULT": ",".join(faults)}, preexec_fn=die_with_parent)

    def is_ready(self):
        return True

    def is_at_work(self):
        return self.is_ready()

    def wait_until(self, condition, seconds=DEADLINE_S):
        def holds():
            if self.child.poll() is not None:
                raise RigError(f"{self.name} ended with {self.child.returncode}:\n{self.log_tail()}")
            return condition()
        wait_for(holds, lambda: f"{self.name} to start:\n{self.log_tail()}", seconds)

    def log_text(self):
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def log_tail(self, lines=25):
        return "\n".join(self.log_text().splitlines()[-lines:])

    def wait(self, seconds=DEADLINE_S):
        """Its exit code, once it has ended by itself."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            raise RigError(f"{self.name} did not end in {seconds} s:\n{self.log_tail()}") from None

    def terminate(self, seconds=30):
        """SIGTERM; its exit code."""
        self.child.send_signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill(self):
        """SIGKILL."""
        self.rig.kills += 1
        self.close()

    @contextlib.contextmanager
    def stalled(self):
        """Stopped, with all its connections open, until the end of the block."""
        self.child.send_signal(signal.SIGSTOP)
        try:
            yield
        finally:
            self.child.send_signal(signal.SIGCONT)

    def close(self):
        if self.child is not None and self.child.poll() is None:
            self.child.kill()
            self.child.wait()


class Broker(Process):
    name = "mosquitto"

    def __init__(self, rig, queued_messages_max=0, settings=("allow_anonymous true",)):
        """`queued_messages_max`: for a client; 0: no bound. `settings`: more lines of its configuration."""
        self.port = free_port()
        label = rig.name_for(self.name)
        state = rig.folder / label
        state.mkdir()
        config = state / "mosquitto.conf"
        config.write_text("\n".join([
            f"listener {self.port} 127.0.0.1", *settings,
            "persistence true", f"persistence_location {state}/", "autosave_interval 0",
            f"max_queued_messages {queued_messages_max}", "max_inflight_messages 100",
            "log_dest stderr", "log_type error", "log_type warning", "log_type notice",
            # Started as root it would become the user mosquitto, who may not write into our folder.
            *(["user root"] if os.geteuid() == 0 else []), ""]))
        path = next((p for p in ("/usr/sbin/mosquitto", "/usr/bin/mosquitto", "/usr/local/sbin/mosquitto") if os.path.exists(p)),
                    "mosquitto")
        super().__init__(rig, [path, "-c", config], label)

    def is_ready(self):
        return is_listening(self.port)


class Collector(Process):
    name = "collector"

    def __init__(self, rig, **config):
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        label = rig.name_for(self.name)
        self.store = rig.folder / f"{label}.db"
        self.config = rig.folder / f"{label}.toml"
        self.config.write_text(toml({"listen.host": "127.0.0.1", "listen.port": self.port, "store.file": self.store, **config}))
        super().__init__(rig, [BINARIES / "stethos-collector", "run", "--config", self.config], label)

    def is_ready(self):
        return http(self.url + "/readyz")[0] == 200

    def get(self, path, **parameters):
        status, body = http(f"{self.url}{path}?{urllib.parse.urlencode(parameters)}")
        if status != 200:
            raise RigError(f"GET {path} {parameters}: {status} {body[:500]!r}")
        return json.loads(body)

    def pages(self, path, field, **parameters):
        """All records of a paged answer."""
        records = []
        while True:
            page = self.get(path, limit=10_000, **parameters)
            records += page[field]
            if not page.get("next"):
                return records
            parameters["cursor"] = page["next"]

    def windows(self, **parameters):
        """The windows that it holds, as the ledger compares them."""
        return [window_of(record) for record in self.pages("/v1/windows", "windows", **parameters)]

    def metric(self, name, **labels):
        return metric_of(self.url, name, labels)


def window_of(record):
    return Window(device=record["device"], channel=record["channel"], start_ns=record["start_ns"],
                  length_ns=record["length_ns"], counts=record["counts"],
                  statistics={name: each["value"] for name, each in record["statistics"].items()},
                  final=record["state"] == "final")


def metric_of(url, name, labels):
    """The sum over all that bear these labels; 0 where there is none. A metric that nothing serves is an error."""
    status, body = http(url + "/metrics")
    if status != 200:
        raise RigError(f"GET {url}/metrics: {status}")
    if f"# TYPE {name} " not in body.decode():
        raise RigError(f"GET {url}/metrics: no metric is named {name}")
    return sum(value for each, its, value in metrics_of(body.decode())
               if each == name and all(its.get(key) == wanted for key, wanted in labels.items()))


class Edge(Process):
    name = "edge"

    def __init__(self, rig, broker, collector=None, **config):
        self.health_port = free_port()
        self.url = f"http://127.0.0.1:{self.health_port}"
        label = rig.name_for(self.name)
        self.spool = rig.folder / f"{label}-spool.db"
        self.config = rig.folder / f"{label}.toml"
        self._ends = {"mqtt.host": "127.0.0.1", "mqtt.port": broker.port, "uplink.enabled": collector is not None}
        if collector is not None:
            self._ends |= {"uplink.url": collector.url, "uplink.interval": "50ms", "uplink.backoff_min": "50ms",
                           "uplink.backoff_max": "500ms"}
        self.configure(**config)
        super().__init__(rig, [BINARIES / "stethos-edge", "run", "--config", self.config], label)

    def configure(self, **config):
        """Its configuration from its next start on."""
        self.config.write_text(toml({
            "node.id": "edge-1", "mqtt.reconnect_min": "50ms", "mqtt.reconnect_max": "500ms",
            "spool.file": self.spool, "spool.commit_interval": "50ms",
            "health.host": "127.0.0.1", "health.port": self.health_port,
            **self._ends, **EDGE_TIME, "subscription": [STETHOS_SUBSCRIPTION], "window": [{"length": "1m"}], **config}))

    def is_ready(self):
        return http(self.url + "/readyz")[0] == 200

    def is_at_work(self):
        """Or has committed something: the broker confirms the subscriptions after all that the session held."""
        if self.is_ready():
            return True
        status, body = http(self.url + "/metrics")
        return status == 200 and any(name == "stethos_edge_commits_total" and value
                                     for name, _, value in metrics_of(body.decode()))

    def metric(self, name, **labels):
        return metric_of(self.url, name, labels)

    def messages(self):
        return self.metric("stethos_edge_messages_total")

    def stored(self):
        """Samples whose effect it has committed."""
        return int(sum(self.metric("stethos_edge_samples_total", outcome=outcome) for outcome in ("good", "not_finite")))

    @contextlib.contextmanager
    def spool_locked(self):
        """Nothing can be committed until the end of the block, which must come before the edge gives up (10 s)."""
        spool = sqlite3.connect(self.spool, isolation_level=None)
        try:
            spool.execute("BEGIN IMMEDIATE")
            yield
        finally:
            spool.close()

    def dead_letters(self):
        """[(reason, topic, first bytes)], in order."""
        spool = sqlite3.connect(f"file:{self.spool}?mode=ro", uri=True, timeout=10)
        try:
            return spool.execute("SELECT reason, topic, payload FROM dead_letter ORDER BY id").fetchall()
        finally:
            spool.close()


# Windows that stay open for what comes late, and are sent as they are when nothing has come for a while. No time server keeps the
# clock of a machine that runs tests in step, and the collector reads the same one.
EDGE_TIME = {"time.watermark_delay": "60s", "time.idle_timeout": "1s", "time.clock": "trusted"}

VIBRATING = {"name": "pump", "period": "500ms", "block.samples": 512, "block.sampling_rate_hz": 12_800,
             "vibration.resonance_hz": 3500}

STETHOS_SUBSCRIPTION = {"topic": "stethos/v1/+/batch", "format": "stethos", "qos": 1}


def json_subscription(prefix, fields, **more):
    """Thin JSON as stethos-sim sends it; its `seq` tells a reading that came twice from two that are equal."""
    return {"topic": f"{prefix}/+/telemetry", "format": "json", "qos": 1, "acknowledge": "after_commit",
            "device_field": "device", "time_field": "ts", "time_unit": "ms", "identity": "seq", "fields": fields, **more}


class Sim(Process):
    name = "sim"

    def __init__(self, rig, broker, *arguments):
        self.ledger_path = rig.folder / f"{rig.name_for('ledger')}.jsonl"
        super().__init__(rig, [BINARIES / "stethos-sim", "--broker", f"127.0.0.1:{broker.port}", "--ledger", self.ledger_path,
                               *arguments])

    def finish(self, seconds=DEADLINE_S):
        """The ledger, once everything is acknowledged."""
        code = self.wait(seconds)
        if code != 0:
            raise RigError(f"sim ended with {code}:\n{self.log_tail()}")
        return self.ledger()

    def ledger(self):
        return Ledger(self.ledger_path)


class Rig:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        self.processes = []
        self.proxies = []
        self.seed = None       # of all that is drawn by chance
        self.kills = 0
        self.recovery_s = 0.0  # the longest time from a start after a kill until it was at work
        self._names = {}

    def chance(self, seed):
        """A generator of its own; the seed is in the report."""
        self.seed = seed
        return random.Random(seed)

    def name_for(self, what):
        """The first is called by its kind, further ones are numbered."""
        number = self._names[what] = self._names.get(what, 0) + 1
        return what if number == 1 else f"{what}-{number}"

    def broker(self):
        return Broker(self).start()

    def collector(self, **config):
        return Collector(self, **config).start()

    def edge(self, broker, collector=None, **config):
        return Edge(self, broker, collector, **config).start()

    def proxy(self, to, **how):
        """What leads to this broker or collector, in its place."""
        self.proxies.append(Proxy(to.port, **how))
        return self.proxies[-1]

    def fleet(self, machines=4, duration="5m", **machine):
        """A scenario file of a few vibrating machines: two messages a second of fleet time each."""
        return self.scenario(duration, {**VIBRATING, "count": machines, **machine})

    def scenario(self, duration, *machines):
        path = self.folder / f"{self.name_for('fleet')}.toml"
        path.write_text(toml({"duration": duration, "machine": list(machines)}))
        return path

    def sim(self, broker, *arguments):
        """Started, and running beside the test: finish() waits for its end."""
        return Sim(self, broker, *arguments).start()

    def reconciled(self, ledger, edge, collector, length_ns=MINUTE_NS, seconds=DEADLINE_S, **how):
        """The report, once the collector holds all that the ledger has and the edge has nothing more to send."""
        def settled():
            if edge.metric("stethos_edge_outbox_rows") > 0:
                return None
            report = reconcile(ledger, collector.windows(), length_ns, **how)
            report.stored = edge.stored()
            complete = report.counted + report.late >= report.published
            return report if complete and edge.metric("stethos_edge_outbox_rows") == 0 else None

        try:
            return wait_for(settled, "the collector to hold everything", seconds)
        except RigError:
            return dataclasses.replace(reconcile(ledger, collector.windows(), length_ns, **how), stored=edge.stored())

    def close(self):
        for each in (*reversed(self.processes), *self.proxies):
            each.close()
