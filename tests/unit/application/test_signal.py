"""Signals: who is called, for whom, how long, and what it costs when nobody is."""

import gc
import logging
import pickle

import pytest

from celeriac.application import signal as module
from celeriac.application.signal import Signal


class Recorder:
    def __init__(self):
        self.calls = []

    def __call__(self, **named):
        self.calls.append(named)
        return len(self.calls)

    def method(self, sender=None, **named):
        self.calls.append(sender)


@pytest.fixture
def happened():
    return Signal(name="happened", providing_args={"what"})


class TestConnect:
    def test_a_receiver_is_called_with_sender_and_arguments(self, happened):
        seen = Recorder()
        happened.connect(seen, weak=False)

        answers = happened.send(sender="a", what=1)

        assert answers == [(seen, 1)]
        assert seen.calls == [{"signal": happened, "sender": "a", "what": 1}]

    def test_it_decorates_with_and_without_arguments(self, happened):
        calls = []

        @happened.connect
        def plain(sender=None, **_):
            calls.append(("plain", sender))

        @happened.connect(sender="a")
        def of_a(sender=None, **_):
            calls.append(("of_a", sender))

        happened.send(sender="a")
        happened.send(sender="b")

        assert calls == [("plain", "a"), ("of_a", "a"), ("plain", "b")]
        assert plain.__name__ == "plain"

    def test_a_function_may_be_given_with_its_sender(self, happened):
        seen, sender = Recorder(), object()
        happened.connect(seen, sender=sender, weak=False)

        happened.send(sender=object())
        happened.send(sender=sender)

        assert [call["sender"] for call in seen.calls] == [sender]

    def test_texts_are_the_same_sender_when_they_are_equal(self, happened):
        seen = Recorder()
        happened.connect(seen, sender="shop.tasks.add", weak=False)

        happened.send(sender="".join(["shop.", "tasks.add"]))

        assert len(seen.calls) == 1

    def test_what_stands_for_a_sender_is_that_sender(self, happened):
        from celeriac.entrypoints.library.current import Proxy

        sender, seen = object(), Recorder()
        happened.connect(seen, sender=Proxy(lambda: sender), weak=False)

        happened.send(sender=sender)
        happened.send(sender=object())

        assert len(seen.calls) == 1

    def test_a_receiver_is_connected_once(self, happened):
        seen = Recorder()

        happened.connect(seen, weak=False)
        happened.connect(seen, weak=False)
        happened.send()

        assert len(seen.calls) == 1

    def test_a_key_stands_for_one_connection_whatever_the_receiver(self, happened):
        first, second = Recorder(), Recorder()

        happened.connect(first, weak=False, dispatch_uid="only")
        happened.connect(second, weak=False, dispatch_uid="only")
        happened.send()

        assert (len(first.calls), len(second.calls)) == (1, 0)

    def test_a_receiver_must_accept_any_keyword(self, happened):
        with pytest.raises(ValueError, match=r"happened: it must accept \*\*kwargs"):
            happened.connect(lambda sender: None)

    def test_what_cannot_be_called_is_refused(self, happened):
        with pytest.raises(TypeError, match="it is not callable"):
            happened.connect("shop.tasks.add", weak=False)


class TestWeakly:
    def test_a_receiver_that_nobody_holds_is_forgotten(self, happened):
        seen = Recorder()
        happened.connect(seen)
        del seen
        gc.collect()

        assert happened.send() == []
        assert not happened.receivers

    def test_a_method_lives_as_long_as_its_object(self, happened):
        seen = Recorder()
        happened.connect(seen.method)

        happened.send(sender="a")
        calls = seen.calls
        del seen
        gc.collect()
        happened.send(sender="b")

        assert calls == ["a"]

    def test_a_strong_connection_keeps_its_receiver(self, happened):
        calls = []
        happened.connect(lambda **_: calls.append(1), weak=False)
        gc.collect()

        happened.send()

        assert calls == [1]


class TestDisconnect:
    def test_a_receiver_is_called_no_more(self, happened):
        seen = Recorder()
        happened.connect(seen, weak=False)

        assert happened.disconnect(seen) is True

        assert happened.disconnect(seen) is False
        assert happened.send() == []
        assert not happened.receivers

    def test_a_key_and_a_sender_tell_which_connection(self, happened):
        seen = Recorder()
        happened.connect(seen, sender="a", weak=False, dispatch_uid="key")

        assert happened.disconnect(sender="b", dispatch_uid="key") is False
        assert happened.disconnect(sender="a", dispatch_uid="key") is True


class TestSend:
    def test_a_receiver_that_raises_hinders_nobody(self, happened, caplog):
        seen, broken = Recorder(), ValueError("broken")

        def bad(**_):
            raise broken

        happened.connect(bad)
        happened.connect(seen, weak=False)
        with caplog.at_level(logging.ERROR, "celeriac.signals"):
            answers = happened.send_robust()

        assert answers == [(bad, broken), (seen, 1)]
        assert "bad" in caplog.text
        assert "ValueError('broken')" in caplog.text

    def test_a_persistent_receiver_is_called_until_it_does_not_raise(self, happened, monkeypatch):
        pauses, calls = [], []
        monkeypatch.setattr(module.time, "sleep", pauses.append)

        @happened.connect(retry=True)
        def reluctant(**_):
            calls.append(1)
            if len(calls) < 4:
                raise OSError("not yet")
            return "done"

        assert happened.send() == [(reluctant, "done")]
        assert pauses == pytest.approx([0.2, 0.4, 0.6])

    def test_listeners_are_told_by_sender(self, happened):
        seen = Recorder()
        happened.connect(seen, sender="a", weak=False)

        assert happened.has_listeners("a")
        assert not happened.has_listeners("b")

    def test_who_connects_while_it_is_sent_hears_the_next_one(self, happened):
        late = Recorder()

        def connects(**_):
            happened.connect(late, weak=False)

        happened.connect(connects)
        happened.send()
        happened.send()

        assert len(late.calls) == 1


def test_a_signal_is_pickled_without_its_receivers(happened):
    happened.connect(Recorder(), weak=False)

    copy = pickle.loads(pickle.dumps(happened))

    assert (copy.name, copy.providing_args, copy.receivers) == ("happened", {"what"}, [])
