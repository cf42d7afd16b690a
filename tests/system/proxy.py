"""A line that can be spoiled: a TCP proxy between a client and a server, which passes everything on until it is told to do harm.

A black hole keeps what it swallows and lets it go when it is gone, as a network that drops packets does: they are sent again.
"""

import contextlib
import random
import socket
import threading
import time

CHUNK_BYTES = 16 * 1024


class Proxy:
    FAULTS = ("delay", "cut", "half_close", "corrupt", "black_hole")

    def __init__(self, port, seed, delay_s):
        self.server_port = port
        self.delay_s = delay_s
        self.harmed = 0  # chunks, by the fault of the moment
        self._chance = random.Random(seed)
        self._fault = None
        self._unheard = False
        self._changed = threading.Condition()
        self._sockets = []
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    @contextlib.contextmanager
    def doing(self, fault):
        """This harm to each chunk, whichever way it goes, until the end of the block."""
        assert fault in self.FAULTS
        self._set(fault)
        try:
            yield
        finally:
            self._set(None)

    @contextlib.contextmanager
    def unheard(self):
        """What clients say is lost until the end of the block, and then their connections."""
        self._unheard = True
        try:
            yield
        finally:
            self._hang_up(*self._sockets)
            self._unheard = False

    def close(self):
        self._set(None)
        self._hang_up(self._listener, *self._sockets)

    def _set(self, fault):
        with self._changed:
            self._fault = fault
            self.harmed = 0
            self._changed.notify_all()

    @staticmethod
    def _hang_up(*sockets):
        for each in sockets:
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)  # wakes the thread that waits in it
            each.close()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # it is closed
            try:
                server = socket.create_connection(("127.0.0.1", self.server_port))
            except OSError:
                client.close()
                continue
            self._sockets += [client, server]
            for each in (client, server):
                each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for source, sink in ((client, server), (server, client)):
                threading.Thread(target=self._pass_on, args=(source, sink, source is client), daemon=True).start()

    def _pass_on(self, source, sink, is_from_client):
        try:
            while chunk := source.recv(CHUNK_BYTES):
                if is_from_client and self._unheard:
                    continue
                fault = self._fault
                self.harmed += fault is not None
                if fault == "cut":
                    sink.sendall(chunk[:len(chunk) // 2])
                    return self._hang_up(source, sink)
                if fault == "half_close":
                    sink.sendall(chunk[:len(chunk) // 2])
                    break
                if fault == "delay":
                    time.sleep(self.delay_s)
                elif fault == "black_hole":
                    with self._changed:
                        self._changed.wait_for(lambda: self._fault != "black_hole")
                elif fault == "corrupt" and self._chance.random() < 0.5:  # or no answer would ever be to a sound request
                    spoiled = bytearray(chunk)
                    spoiled[self._chance.randrange(len(chunk))] ^= 1 << self._chance.randrange(8)
                    chunk = spoiled
                sink.sendall(chunk)
            sink.shutdown(socket.SHUT_WR)  # the other way goes on
        except OSError:
            self._hang_up(source, sink)
