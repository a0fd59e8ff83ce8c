"""A client that speaks HTTP/2 by prior knowledge: a well-behaved one, which can also send any frame."""
import contextlib

import h2.config
import h2.connection
import h2.events
import hyperframe.frame as frame

from harness import PATIENCE, check, connect

CALM, REFUSED, PROTOCOL, CANCEL, INTERNAL = 11, 7, 1, 8, 2


class Http2:
    """`answers` has what came of each stream: status, fields, body, trailers, and how it ended."""

    def __init__(self, port, window=None, connection=None):
        self.socket = connection or connect(port)
        config = h2.config.H2Configuration(header_encoding="utf-8", validate_outbound_headers=False, normalize_outbound_headers=False)
        self.h2 = h2.connection.H2Connection(config)
        self.answers, self.goaways, self.ended, self.credits = {}, [], False, True
        self.rest = b""
        self.h2.initiate_connection()
        if window is not None:
            self.h2.update_settings({4: window})
        self.flush()

    def flush(self):
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(self.h2.data_to_send())

    def raw(self, *frames):
        """Sends frames that nobody of good will would."""
        with contextlib.suppress(ConnectionError):
            self.socket.sendall(b"".join(one.serialize() for one in frames))

    def head(self, target="/hello", method="GET", more=(), **pseudo):
        fields = {"method": method, "scheme": "http", "authority": "x", "path": target, **pseudo}
        return [(":" + name, value) for name, value in fields.items() if value is not None] + list(more)

    def ask(self, target="/hello", method="GET", more=(), body=None, **pseudo):
        """The stream of a request; with `body` it is not at its end."""
        stream = self.h2.get_next_available_stream_id()
        self.h2.send_headers(stream, self.head(target, method, more, **pseudo), end_stream=body is None)
        self.answers[stream] = {"interim": [], "body": b"", "trailers": None, "end": None}
        self.flush()
        if body:
            self.upload({stream: body})
        return stream

    def upload(self, bodies, ends=False):
        """Sends what belongs to these streams, a piece of each in turns, as far as their windows allow."""
        left = dict(bodies)
        while left:
            moved = False
            for stream in list(left):
                n = min(self.h2.local_flow_control_window(stream), self.h2.max_outbound_frame_size, len(left[stream]))
                piece, left[stream] = left[stream][:n], left[stream][n:]
                moved |= n > 0
                self.h2.send_data(stream, piece, end_stream=ends and not left[stream])
                if not left[stream]:
                    del left[stream]
            self.flush()
            if not moved:
                self.hear()

    def _events(self, data):
        """Of whole frames, one after the other: behind a GOAWAY it goes on with what is under way."""
        self.rest += data
        while len(self.rest) >= 9 and len(self.rest) >= (size := 9 + int.from_bytes(self.rest[:3], "big")):
            one, self.rest = self.rest[:size], self.rest[size:]
            events = self.h2.receive_data(one)
            if any(isinstance(event, h2.events.ConnectionTerminated) for event in events):
                self.h2.state_machine.state = h2.connection.ConnectionState.CLIENT_OPEN
            yield from events

    def hear(self):
        """What has come; False at the end of the connection."""
        try:
            data = self.socket.recv(65536)
        except ConnectionError:
            data = b""
        if not data:
            self.ended = True
            return False
        for event in self._events(data):
            answer = self.answers.setdefault(getattr(event, "stream_id", 0), {"interim": [], "body": b"", "trailers": None, "end": None})
            if isinstance(event, h2.events.ConnectionTerminated):
                self.goaways.append((int(event.error_code), event.last_stream_id))
            elif isinstance(event, h2.events.InformationalResponseReceived):
                answer["interim"].append(dict(event.headers))
            elif isinstance(event, h2.events.ResponseReceived):
                answer["fields"] = dict(event.headers)
                answer["status"] = int(answer["fields"][":status"])
            elif isinstance(event, h2.events.DataReceived):
                answer["body"] += event.data
                if self.credits and event.flow_controlled_length and not answer["end"]:
                    self.h2.acknowledge_received_data(event.flow_controlled_length, event.stream_id)
            elif isinstance(event, h2.events.TrailersReceived):
                answer["trailers"] = dict(event.headers)
            elif isinstance(event, h2.events.StreamEnded):
                answer["end"] = "whole"
            elif isinstance(event, h2.events.StreamReset):
                answer["end"] = answer["end"] or int(event.error_code)
        self.flush()
        return True

    def wait(self, stream):
        while not self.answers[stream]["end"]:
            check(self.hear(), f"an end of stream {stream}: {self.answers[stream]}, {self.goaways}")
        return self.answers[stream]

    def get(self, *words, **more):
        return self.wait(self.ask(*words, **more))

    def wait_end(self):
        """The code of the last GOAWAY, when the connection has ended."""
        with contextlib.suppress(OSError):
            while self.hear():
                pass
        return self.goaways[-1][0] if self.goaways else None

    def close(self):
        self.socket.close()


__all__ = ["CALM", "CANCEL", "Http2", "INTERNAL", "PATIENCE", "PROTOCOL", "REFUSED", "frame"]
