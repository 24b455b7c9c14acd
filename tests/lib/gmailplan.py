"""Mail and rules for the crash tests on a server that behaves as Gmail does,
and where each message must end (see crash.Plan)."""

import collections

import crash
import places
import tamis

# subject, (labels, more of control.load), (labels, flags, place) at the end
INBOX = ('\\Inbox',)
MAIL = [
    ('plain', (INBOX, {}), ('\\Inbox', '', 'mail')),
    ('bill', (INBOX, {}), ('Bills/2026', '\\Seen', 'mail')),
    ('bill', (('\\Inbox', 'own'), {}),
     ('Bills/2026 own', '\\Seen', 'mail')),
    ('move', (INBOX, {}), ('Lists/one', '', 'mail')),
    ('both', (INBOX, {}), ('Copies work Lists/two', '', 'mail')),
    ('trash', (('\\Inbox', 'own'), {}), ('', '', 'trash')),
    ('spam', (INBOX, {}), ('', '', 'spam')),
    ('delete', (INBOX, {}), None),
    ('star', (INBOX, {'flags': ['\\Seen']}),
     ('\\Inbox \\Important', '\\Flagged', 'mail')),
    ('out', (('\\Inbox', 'own'), {}), ('\\Inbox', '', 'mail')),
    # in two of the mailboxes: judged once
    ('bill', (('\\Inbox', 'news'), {}),
     ('Bills/2026 news', '\\Seen', 'mail')),
    ('paper', (('news', 'own'), {}), ('Lists/one own', '', 'mail')),
    ('rescue', ((), {'place': 'spam'}), ('\\Inbox', '', 'mail')),
    ('plain', ((), {'place': 'spam'}), ('', '', 'spam')),
    # only the sweep of All Mail comes there
    ('sweep', ((), {}), ('swept', '', 'mail')),
    ('sweep', (('own', '\\Important'), {}),
     ('own swept \\Important', '', 'mail')),
    ('bill', (('own',), {}), ('own', '', 'mail')),
    ('sweep', ((), {'place': 'trash'}), ('', '', 'trash')),
    ('delete', ((), {'place': 'trash'}), ('', '', 'trash')),
]

RULES = '''\
version: 1
rules:
  - name: bill
    when: {subject: bill}
    then: [{label: Bills/2026}, {mark: read}, archive]
  - name: move
    when: {subject: move}
    then: [{move: Lists/one}]
  - name: both
    when: {subject: both}
    then: [{label: work}, {copy: Copies}, {move: Lists/two}]
  - name: trash
    when: {subject: trash}
    then: [trash]
  - name: spam
    when: {subject: spam}
    then: [spam]
  - name: delete
    when: {subject: delete}
    then: [delete]
  - name: star
    when: {subject: star}
    then: [{mark: [starred, important, unread]}]
  - name: out
    when: {subject: out}
    then: [{unlabel: own}]
  - name: paper
    when: {subject: paper}
    then: [{move: Lists/one}]
  - name: rescue
    when: {subject: rescue}
    then: [inbox]
  - name: sweep
    applies_to: all
    when: {subject: sweep}
    then: [{label: swept}]
'''

# What no rule may change.
KEPT = ('thread', 'date', 'digest', 'size', 'deleted')


class Plan:
    """As crash.Plan; what it looks at are the messages of control.dump."""
    name = 'labels and places'
    rules = RULES

    def __init__(self, server):
        control = server.control
        self.spam, = (f.name for f in control.store().folders.values()
                      if f.label == '\\Spam')
        self.ends = [end for _, _, end in MAIL]
        if control.switches()['all_mail_hidden']:
            for n, (subject, (labels, _), _) in enumerate(MAIL):
                if subject == 'sweep':	# nobody sees it
                    self.ends[n] = (' '.join(labels),) + self.ends[n][1:]
        self.deleted = {n for n, end in enumerate(self.ends, 1)
                        if end is None}

    def config(self, account):
        return {'accounts': {'home': dict(
            account, allow_delete=True, mailboxes=['INBOX', 'news', self.spam])},
            'limits': {'late': '0s'}}

    def load(self, control):
        control.load([dict(
            raw=crash.MAIL % (subject.encode(), n, n, n), labels=labels,
            **more) for n, (subject, (labels, more), _) in enumerate(
                MAIL, 1)])
        self.before = {number(m): m
                       for m in control.dump()['messages'].values()}

    def lost(self, messages):
        there = {number(m) for m in messages.values()}
        return set(range(1, len(MAIL) + 1)) - there - self.deleted

    def doubled(self, messages):
        times = collections.Counter(number(m) for m in messages.values())
        return {n for n, k in times.items() if k > 1}

    def differences(self, messages, refused=False):
        found = collections.defaultdict(list)
        for m in messages.values():
            found[number(m)].append(m)
        lines = []
        for n, end in enumerate(self.ends, 1):
            subject = MAIL[n - 1][0]
            have = found.pop(n, [])
            if len(have) != (end is not None):
                lines.append('%d (%s) is there %d times: %s' % (
                    n, subject, len(have), [m['place'] for m in have]))
            elif end:
                lines += self.differs(n, have[0], end)
        return lines + ['%s should not be there' % n for n in found]

    def differs(self, n, m, end):
        """What is not so about one message."""
        labels, flags, place = end
        is_ = (sorted(m['labels']), sorted(m['flags']), m['place'])
        want = (sorted(labels.split()), sorted(flags.split()), place)
        if is_ != want:
            yield '%d (%s) is %s, not %s' % (n, MAIL[n - 1][0], is_, want)
        for what in KEPT:
            if m[what] != self.before[n][what]:
                yield '%d: its %s was %s, is %s' % (
                    n, what, self.before[n][what], m[what])


def number(m):
    return int(m['message_id'].strip('<').partition('@')[0][1:])


def trial(server, connect_to, **account):
    """A crash.Trial on a gmail.Server."""
    plan, t = Plan(server), tamis.Tamis()
    server.control.now('create', name='news')
    server.boxes = lambda: server.control.dump()['messages']
    return places.trial(server, t, t.account(connect_to, **account),
                        lambda: plan.load(server.control), plan)
