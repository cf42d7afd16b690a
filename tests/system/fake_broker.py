"""A broker that a test tells what to answer: of MQTT 5 as much as stethos-edge needs. One client at a time.

It keeps the client's session over its connections, and delivers again what was not acknowledged, as a broker does.
"""

import contextlib
import socket
import struct
import threading

CONNECT, CONNACK, PUBLISH, PUBACK = 1, 2, 3, 4
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP = 8, 9, 10, 11, 12, 13
DUP, QOS_1 = 0b1000, 0b0010

NOT_AUTHORIZED = 0x87
NO_SUBSCRIPTION_IDENTIFIERS = bytes([0x29, 0])  # a property of CONNACK
SUBSCRIPTION_IDENTIFIER = 0x0B


def varint(number):
    out = bytearray()
    while True:
        number, digit = divmod(number, 128)
        out.append(digit | (128 if number else 0))
        if not number:
            return bytes(out)


def text(of):
    return struct.pack(">H", len(of.encode())) + of.encode()


class Reader:
    def __init__(self, body):
        self.body = body

    def take(self, count):
        taken, self.body = self.body[:count], self.body[count:]
        return taken

    def number(self, count=2):
        return int.from_bytes(self.take(count), "big")

    def varint(self):
        number = shift = 0
        while True:
            digit = self.number(1)
            number |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return number


class FakeBroker:
    def __init__(self, grant=lambda asked: 1, properties=b""):
        """`grant`: the reason code of the answer to the n-th SUBSCRIBE, from 1. `properties`: of CONNACK."""
        self.grant = grant
        self.properties = properties
        self.subscribed = []     # (filter, QoS, identifier or None), as it was asked for
        self.acknowledged = []   # payloads, in the order of their PUBACKs
        self._unacknowledged = {}  # packet id: (topic, payload)
        self._last_id = 0
        self._client = None
        self._has_session = False
        self._lock = threading.Lock()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def publish(self, topic, payload, qos=1):
        """To the client, now; of QoS 1 also whenever it connects again, until it has acknowledged it."""
        with self._lock:
            if qos == 0:
                return self._send(PUBLISH, 0, text(topic) + b"\0" + payload)
            self._last_id += 1
            self._unacknowledged[self._last_id] = (topic, payload)
            self._deliver(self._last_id, QOS_1)

    def close(self):
        for each in (self._listener, self._client):
            if each is not None:
                with contextlib.suppress(OSError):
                    each.shutdown(socket.SHUT_RDWR)
                each.close()

    def _serve(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return  # it is closed
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with contextlib.suppress(OSError, EOFError):
                self._client = client
                while True:
                    self._answer(*self._packet(client))
            client.close()

    @staticmethod
    def _packet(client):
        def exactly(count):
            out = b""
            while len(out) < count:
                more = client.recv(count - len(out))
                if not more:
                    raise EOFError
                out += more
            return out

        first = exactly(1)[0]
        length = shift = 0
        while True:
            digit = exactly(1)[0]
            length |= (digit & 127) << shift
            shift += 7
            if digit < 128:
                return first >> 4, Reader(exactly(length))

    def _answer(self, kind, body):
        with self._lock:
            if kind == CONNECT:
                was_there, self._has_session = self._has_session, True
                self._send(CONNACK, 0, bytes([was_there, 0]) + varint(len(self.properties)) + self.properties)
                for packet_id in self._unacknowledged:
                    self._deliver(packet_id, QOS_1 | DUP)
            elif kind == SUBSCRIBE:
                packet_id = body.number()
                properties = Reader(body.take(body.varint()))
                identifier = None
                if properties.body and properties.number(1) == SUBSCRIPTION_IDENTIFIER:
                    identifier = properties.varint()
                topic = body.take(body.number()).decode()
                self.subscribed.append((topic, body.number(1) & 3, identifier))
                self._send(SUBACK, 0, struct.pack(">HBB", packet_id, 0, self.grant(len(self.subscribed))))
            elif kind == UNSUBSCRIBE:
                self._send(UNSUBACK, 0, struct.pack(">HBB", body.number(), 0, 0))
            elif kind == PUBACK:
                topic_and_payload = self._unacknowledged.pop(body.number(), None)
                if topic_and_payload is not None:
                    self.acknowledged.append(topic_and_payload[1])
            elif kind == PINGREQ:
                self._send(PINGRESP, 0, b"")

    def _deliver(self, packet_id, flags):
        topic, payload = self._unacknowledged[packet_id]
        self._send(PUBLISH, flags, text(topic) + struct.pack(">H", packet_id) + b"\0" + payload)

    def _send(self, kind, flags, body):
        if self._client is not None:
            with contextlib.suppress(OSError):
                self._client.sendall(bytes([kind << 4 | flags]) + varint(len(body)) + body)
