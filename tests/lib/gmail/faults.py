"""Trouble at a chosen place, and other clients that act in between.

    Fault('no', 'UID MOVE', where='after')	done, but answered NO
    Fault('drop', 'APPEND', where='literal', octets=100)
    Fault('throttled', nth=7, times=3)		commands 7 to 9, whatever

where  before        the command was read, nothing is done
       after         it is done; this instead of its tagged answer
       half          done for the first half of its messages
       continuation  instead of the "+" for a literal (or a SASL challenge)
       literal       when OCTETS of the literal have come
       tagged        in its place; what is untagged has gone out
       reply         when OCTETS of the reply have gone
                     (these two with drop, rst, silence)
do     drop rst      the connection ends in good order, or is reset
       no bad throttled overquota storage bye
                     an answer, in the words of the profile (or TEXT)
       silence       nothing more, until the client goes
       late          it drops, and the command is done nevertheless, when
                     LATER more commands (of anybody) have come
       a callable    is called with the session; then all goes on

'GREETING' is the name of what comes before the first command; '*' does not
mean it.
"""

import threading

WHERE = ('before', 'after', 'half', 'continuation', 'literal',
         'tagged', 'reply')
DO = ('drop', 'rst', 'no', 'bad', 'throttled', 'overquota', 'storage', 'bye',
      'silence', 'late')
GREETING = 'GREETING'
ENDS = ('drop', 'rst', 'silence')


class Place:
    """The NTH command of a name ('*': any), and TIMES - 1 after it."""

    def __init__(self, command, nth, times):
        self.command, self.nth, self.times = command.upper(), nth, times
        self.seen = 0

    def reached(self, name):
        any_command = self.command == '*' and name != GREETING
        if not any_command and self.command != name:
            return False
        self.seen += 1
        return self.nth <= self.seen < self.nth + self.times


class Fault:
    def __init__(self, do, command='*', nth=1, where='before', times=1,
                 octets=0, later=1, text=None):
        if where not in WHERE:
            raise ValueError('where is one of %s' % ', '.join(WHERE))
        if not callable(do) and do not in DO:
            raise ValueError('do is one of %s' % ', '.join(DO))
        if where in ('tagged', 'reply') and do not in ENDS:
            raise ValueError('a reply can only end')
        if do == 'late' and where != 'before':
            raise ValueError('what is done late is not done before')
        self.do, self.where, self.octets = do, where, octets
        self.later, self.text = later, text
        self.place = Place(command, nth, times)


class Act:
    """WHAT() before or after a command (WHEN)."""

    def __init__(self, what, command='*', nth=1, when='before', times=1):
        if when not in ('before', 'after'):
            raise ValueError('when is before or after')
        self.what, self.when = what, when
        self.place = Place(command, nth, times)


class Script:
    """All faults and acts of a server, for all its sessions."""

    def __init__(self):
        self.lock = threading.RLock()
        self.clear()

    def clear(self):
        with self.lock:
            self.faults, self.acts, self.later = [], [], []
            self.fired = self.commands = 0

    def begin(self, name):
        """The fault of this command, and the acts before and after it."""
        with self.lock:
            self.commands += name != GREETING
            fault = None
            for f in self.faults:
                if f.place.reached(name) and fault is None:
                    fault = f
            acts = [a for a in self.acts if a.place.reached(name)]
            due = [what for n, what in self.later if n <= self.commands]
            self.later = [(n, what) for n, what in self.later
                          if n > self.commands]
            self.fired += fault is not None
        before = due + [a.what for a in acts if a.when == 'before']
        return fault, before, [a.what for a in acts if a.when == 'after']

    def put_off(self, commands, what):
        with self.lock:
            self.later.append((self.commands + commands, what))
