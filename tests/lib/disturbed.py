"""The fault of each kind at the commands of a run, for one server.

A class that inherits from Commands says in server() what to start, and in
`store` how the table calls it.  Where not each point is tried, the tests
begin at different ones.
"""

import crash
import faultproxy

EACH = 1 if crash.SWEEP else 3
LEAST = 18 if crash.SWEEP else 5


class Commands:
    store = None
    each_kill = EACH	# of these points one is tried

    def setUp(self):
        self.server = self.start()
        self.proxy = faultproxy.Proxy(self.server)
        self.addCleanup(self.proxy.close)

    def test_undisturbed(self):
        self.trial().undisturbed()

    def sweep(self, action, place, first):
        t = self.trial()
        each = self.each_kill if action == 'kill' else EACH
        t.faults_at_commands(self.proxy, action, place,
                             1 + (first - 1) % each, each)
        t.verdict('%s %s a command' % (
            action, 'before' if place == 'command' else 'after'),
            self.store, LEAST)

    def test_killed_before_each_command(self):
        self.sweep('kill', 'command', 1)

    def test_killed_after_each_command(self):
        self.sweep('kill', 'reply', 2)

    def test_cut_before_each_command(self):
        self.sweep('cut', 'command', 3)

    def test_cut_after_each_command(self):
        self.sweep('cut', 'reply', 1)

    def test_each_command_refused(self):
        self.sweep('no', 'command', 2)

    def test_bye_before_each_command(self):
        self.sweep('bye', 'command', 3)


class Octets:
    """The connection is cut behind each octet that the server says."""
    store = None

    def test_cut_after_each_octet(self):
        self.server = self.start()
        self.proxy = faultproxy.Proxy(self.server)
        self.addCleanup(self.proxy.close)
        t = self.trial()
        t.third = 10
        t.undisturbed()
        t.cut_at_octets(self.proxy, crash.SECONDS)
        t.verdict('cut after an octet', self.store, 10)
