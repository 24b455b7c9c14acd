#!/usr/bin/env python3
"""tamis run on a server that behaves as Gmail does: labels, places, stale
UIDs, and answers that are not true."""
# timeout: 300

import os
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [HERE, HERE + '/../lib']

import tamis		# noqa: E402
import tap		# noqa: E402
from mailmaker import message	# noqa: E402
from model import ALL, SPAM, TRASH, Case	# noqa: E402


class Run(Case):
    def setUp(self):
        super().setUp()
        self.t = tamis.Tamis()
        self.account()

    def account(self, **more):
        self.t.config({'accounts': {'g': self.t.account(
            self.s, 'alice', **more)}})

    def rules(self, *rules):
        """Each is (name, condition, actions)."""
        self.t.rules('rules:\n' + ''.join(
            '- {name: %s, when: {%s}, then: [%s]}\n' % r for r in rules))

    def one(self, n, subject, *labels, **more):
        return self.c.load([dict(raw=message(n, subject=subject),
                                 labels=labels or ('\\Inbox',), **more)])[0]

    def run_(self, *args, status=tamis.DONE):
        r = self.t.run('run', *(args or ('--all',)))
        self.assertEqual(r.status, status, r)
        return r

    def labels(self, id):
        return sorted(self.m(id)['labels'])

    def place(self, id):
        return self.m(id)['place']

    def nothing_left(self):
        """A second run wants nothing."""
        before = self.c.dump()
        r = self.run_('--dry-run', '--all')
        self.assertIn('0 would change', r.out)
        self.assertEqual(self.c.dump(), before)


class Places(Run):
    """What each action is on Gmail."""

    def test_actions(self):
        for action, before, labels, place in [
                ('archive', ['\\Inbox', 'a'], ['a'], 'mail'),
                ('label: x/y', ['\\Inbox'], ['\\Inbox', 'x/y'], 'mail'),
                ('label: Grüße', ['\\Inbox'], ['Grüße', '\\Inbox'], 'mail'),
                ('label: "a (b) \\"c\\""', ['\\Inbox'],
                 ['\\Inbox', 'a (b) "c"'], 'mail'),
                ('unlabel: a', ['\\Inbox', 'a'], ['\\Inbox'], 'mail'),
                ('unlabel: INBOX', ['\\Inbox', 'a'], ['a'], 'mail'),
                ('move: x', ['\\Inbox', 'a'], ['a', 'x'], 'mail'),
                ('move: INBOX', ['\\Inbox', 'a'], ['\\Inbox', 'a'], 'mail'),
                ('copy: x', ['\\Inbox'], ['\\Inbox', 'x'], 'mail'),
                ('move: {special: \\All}', ['\\Inbox'], [], 'mail'),
                ('trash', ['\\Inbox', 'a'], [], 'trash'),
                ('spam', ['\\Inbox', 'a'], [], 'spam'),
                ('mark: starred', ['\\Inbox'], ['\\Inbox'], 'mail'),
                ('mark: important', ['\\Inbox'], ['\\Important', '\\Inbox'],
                 'mail'),
                ('unmark: important', ['\\Inbox', '\\Important'],
                 ['\\Inbox'], 'mail')]:
            with self.subTest(action=action):
                self.c.reset('gmail')
                self.t = tamis.Tamis()
                self.account()
                id = self.one(1, 'x', *before)
                other = self.one(2, 'other', *before)
                kept = self.m(other)
                self.rules(('r', 'subject: {is: x}',
                            action if ':' not in action else
                            '{%s}' % action))
                self.run_()
                self.assertEqual((self.labels(id), self.place(id)),
                                 (labels, place))
                self.assertEqual(self.m(other), kept)
                self.nothing_left()

    def test_star(self):
        for web in ('cleared', 'stays'):
            with self.subTest(web=web):
                self.c.reset('gmail', web_star=web)
                self.t = tamis.Tamis()
                self.account()
                id = self.one(1, 'x')
                self.c.now('star_on_web', id=id)
                self.rules(('r', 'is: starred', '{unmark: starred}'))
                self.run_()
                self.assertNotIn('\\Flagged', self.m(id)['flags'])

    def test_parents_are_made(self):
        self.one(1, 'x')
        self.rules(('r', 'subject: x', '{label: a/b/c}'))
        self.run_()
        folders = self.c.dump()['folders']
        for name in ('a', 'a/b', 'a/b/c'):
            self.assertIn(name, folders)

    def test_delete(self):
        id, other = self.one(1, 'x'), self.one(2, 'y')
        trashed = self.one(3, 'x', place='trash')
        self.account(allow_delete=True)
        self.rules(('r', 'subject: {is: x}', 'delete'))
        self.run_()
        self.assertIsNone(self.m(id))
        self.assertIsNotNone(self.m(other))
        self.assertIsNotNone(self.m(trashed))

    def test_delete_what_comes_back(self):
        """M19: the first expunge from Trash puts it into All Mail."""
        for hidden in (False, True):
            with self.subTest(all_mail_hidden=hidden):
                self.c.reset('gmail', purge='twice', all_mail_hidden=hidden)
                self.t = tamis.Tamis()
                self.account(allow_delete=True)
                ids = [self.one(n, 'x', '\\Inbox', 'a') for n in range(3)]
                other = self.one(9, 'y')
                self.rules(('r', 'subject: {is: x}', 'delete'))
                self.run_()
                gone = [self.m(i) is None for i in ids]
                self.assertEqual(gone, [not hidden] * 3)
                self.assertIsNotNone(self.m(other))
                self.run_('-q')

    def test_out_of_spam(self):
        for action, labels in (('inbox', ['\\Inbox']), ('archive', []),
                               ('{move: x}', ['x'])):
            with self.subTest(action=action):
                self.c.reset('gmail')
                self.t = tamis.Tamis()
                self.account(mailboxes=[SPAM])
                id = self.one(1, 'x', place='spam')
                self.c.load([{'raw': message(9), 'labels': ['x']}])
                self.rules(('r', 'subject: {is: x}', action))
                self.run_()
                self.assertEqual((self.labels(id), self.place(id)),
                                 (labels, 'mail'))

    def test_places_without_sense(self):
        id = self.one(1, 'x')
        for action in ('{copy: {special: \\Trash}}',
                       '{move: {special: \\Sent}}'):
            with self.subTest(action=action):
                self.rules(('r', 'subject: x', action))
                r = self.run_(status=tamis.SOME_FAILED)
                self.assertIn('Gmail', r.out)
                self.assertEqual(self.labels(id), ['\\Inbox'])

    def test_names_that_are_refused(self):
        bad, good = self.one(1, 'bad'), self.one(2, 'good')
        self.rules(('b', 'subject: bad', '{label: ^a}, archive'),
                   ('g', 'subject: good', '{label: fine}, archive'))
        r = self.run_(status=tamis.SOME_FAILED)
        self.assertRegex(r.out, r'\^a')
        self.assertEqual(self.labels(bad), ['\\Inbox'])
        self.assertEqual(self.labels(good), ['fine'])


class Identity(Run):
    """One message, however many mailboxes show it."""

    def test_judged_once(self):
        self.account(mailboxes=['INBOX', 'a', 'b'])
        self.one(1, 'old', '\\Inbox', 'a', 'b')
        self.rules(('r', 'subject: x', '{label: seen}'),
                   ('every', 'label: b', '{label: with-b}'))
        self.run_('-q')
        id = self.one(2, 'x', '\\Inbox', 'a', 'b')
        r = self.run_('-v')
        self.assertIn(' 1 changed', r.out)
        self.assertEqual(r.out.count('label seen'), 1)
        self.assertEqual(self.labels(id),
                         ['\\Inbox', 'a', 'b', 'seen', 'with-b'])
        self.c.now('label', id=id, remove=['\\Inbox'], add=['c'])
        self.c.now('label', id=id, remove=['b'])
        self.c.now('label', id=id, add=['b'])	# a new UID there
        r = self.run_('-v')
        self.assertIn(' 0 changed', r.out)
        self.assertEqual(self.labels(id), ['a', 'b', 'c', 'seen', 'with-b'])

    def test_what_pends_is_judged_where_it_pends(self):
        self.account(mailboxes=['INBOX', 'a'])
        self.one(1, 'old', '\\Inbox', 'a')
        self.rules(('r', 'subject: x', '{label: l}, archive'))
        self.run_('-q')
        id = self.one(2, 'x', '\\Inbox', 'a')
        self.c.fault('no', 'UID STORE')
        self.t.run('run')
        self.run_('-q')
        self.assertEqual(self.labels(id), ['a', 'l'])

    def test_on_error(self):
        self.account(mailboxes=['INBOX', 'a'])
        self.one(1, 'old', '\\Inbox', 'a')
        self.t.rules('rules:\n- {name: r, when: {subject: x}, '
                     'then: [{label: ^a}], on_error: [{label: b}]}\n')
        self.run_('-q')
        id = self.one(2, 'x', '\\Inbox', 'a')
        self.run_('-q')
        self.assertEqual(self.labels(id), ['\\Inbox', 'a', 'b'])

    def test_all_at_once(self):
        self.account(mailboxes=['INBOX', 'a'])
        self.one(1, 'x', '\\Inbox', 'a')
        self.rules(('r', 'subject: x', '{label: seen}'))
        r = self.run_('--dry-run', '--all', status=tamis.FOUND)
        self.assertIn('1 would change', r.out)
        self.assertEqual(r.out.count('would label seen'), 1)

    def test_own_label_of_a_mailbox(self):
        for shown in ('omitted', 'shown'):
            with self.subTest(own_label=shown):
                self.c.reset('gmail', own_label=shown)
                self.t = tamis.Tamis()
                self.account(mailboxes=['a'])
                id = self.one(1, 'x', 'a')
                self.rules(('r', 'label: a, not: {label: INBOX}',
                            '{label: yes}'))
                self.run_()
                self.assertEqual(self.labels(id), ['a', 'yes'])

    def test_sweep_of_all_mail(self):
        ids = [self.one(1, 'x'), self.one(2, 'x', 'a'),
               self.one(3, 'x', place='trash'), self.one(4, 'y')]
        self.t.rules('rules:\n- {name: s, applies_to: all, when: '
                     '{subject: x}, then: [{label: swept}]}\n')
        self.run_('-q')
        self.assertEqual([self.labels(i) for i in ids], [
            ['\\Inbox', 'swept'], ['a', 'swept'], [], ['\\Inbox']])
        self.nothing_left()

    def test_sweep_beside_rules_for_new_mail(self):
        self.t.rules('rules:\n'
                     '- {name: n, when: {subject: x}, then: [{label: new}]}\n'
                     '- {name: s, applies_to: all, when: {subject: x}, '
                     'then: [{label: swept}]}\n')
        old = self.one(1, 'x')
        self.run_('-q')
        new, archived = self.one(2, 'x'), self.one(3, 'x', 'a')
        self.run_('-q')
        self.assertEqual([self.labels(i) for i in (old, new, archived)], [
            ['\\Inbox', 'swept'], ['\\Inbox', 'new', 'swept'],
            ['a', 'swept']])

    def test_sweep_where_all_mail_is_hidden(self):
        self.c.set(all_mail_hidden=True)
        ids = [self.one(1, 'x'), self.one(2, 'x', 'a')]
        self.t.rules('rules:\n- {name: s, applies_to: all, when: '
                     '{subject: x}, then: [{label: swept}]}\n')
        r = self.run_('-v')
        self.assertIn('All Mail is hidden', r.err)
        self.assertEqual([self.labels(i) for i in ids],
                         [['\\Inbox', 'swept'], ['a']])

    def test_names_of_other_languages(self):
        for names in ('uk', 'de', 'el'):
            with self.subTest(names=names):
                self.c.reset('gmail', names=names, root='[Google Mail]')
                self.t = tamis.Tamis()
                self.account()
                a, b = self.one(1, 'x'), self.one(2, 'y')
                self.rules(('t', 'subject: x', 'trash'),
                           ('s', 'subject: y', 'spam'))
                self.run_()
                self.assertEqual([self.place(a), self.place(b)],
                                 ['trash', 'spam'])


class Stale(Run):
    """Another client acts between two of our commands."""

    def test_left_before_its_label(self):
        id, other = self.one(1, 'x'), self.one(2, 'x')
        self.rules(('r', 'subject: x', '{label: l}, {mark: read}'))
        self.c.act(1, 'label', 'UID STORE', id=id, remove=['\\Inbox'],
                   add=['mine'])
        self.run_()
        self.assertEqual(self.labels(id), ['l', 'mine'])
        self.assertIn('\\Seen', self.m(id)['flags'])
        self.assertEqual(self.labels(other), ['\\Inbox', 'l'])

    def test_left_before_its_archive(self):
        id = self.one(1, 'x')
        self.rules(('r', 'subject: x', '{label: l}, archive'))
        self.c.act(2, 'label', 'UID STORE', id=id, remove=['\\Inbox'])
        self.run_()
        self.assertEqual(self.labels(id), ['l'])

    def test_left_before_its_trash(self):
        id = self.one(1, 'x')
        self.rules(('r', 'subject: x', 'trash'))
        self.c.act(1, 'label', 'UID MOVE', id=id, remove=['\\Inbox'])
        self.run_()
        self.assertEqual(self.place(id), 'trash')

    def test_trashed_meanwhile(self):
        id = self.one(1, 'x')
        self.rules(('r', 'subject: x', '{label: l}, archive'))
        self.c.act(1, 'trash', 'UID STORE', id=id)
        r = self.t.run('run', '--all')
        self.assertEqual(self.place(id), 'trash')
        self.assertEqual(self.labels(id), [])
        self.assertIn(r.status, (tamis.DONE, tamis.SOME_FAILED))
        self.run_('-q')


class Crashes(Run):
    """The connection ends, and somebody does something before we come
    again."""

    def cut_at(self, nth, command, where='before'):
        self.one(9, 'old')
        self.run_('-q')
        id = self.one(1, 'x')
        self.c.fault('drop', command, nth=nth, where=where)
        self.t.run('run')
        self.c.calm()
        return id

    def test_labelled_and_archived_by_somebody(self):
        self.rules(('r', 'subject: x', '{label: l}, {mark: read}'))
        id = self.cut_at(1, 'UID STORE', where='after')
        self.c.now('label', id=id, add=['l'], remove=['\\Inbox'])
        self.c.now('flags', id=id, add=['\\Seen'])
        r = self.run_('-v')
        self.assertIn('2 changes found done', r.err)
        self.assertEqual(self.labels(id), ['l'])

    def test_archived_by_somebody_without_its_label(self):
        self.rules(('r', 'subject: x', '{label: l}, archive'))
        id = self.cut_at(1, 'UID STORE')
        self.c.now('label', id=id, remove=['\\Inbox'])
        r = self.run_('-v')
        self.assertIn('1 unsure', r.err)
        self.assertEqual(self.labels(id), [])

    def test_half_deleted(self):
        self.account(allow_delete=True)
        self.rules(('r', 'subject: x', 'delete'))
        kept = self.one(2, 'x', place='trash')
        id = self.cut_at(1, 'UID STORE')
        self.assertEqual(self.place(id), 'trash')
        self.run_()
        self.assertIsNone(self.m(id))
        self.assertIsNotNone(self.m(kept))

    def test_half_deleted_and_taken_out_again(self):
        self.account(allow_delete=True)
        self.rules(('r', 'subject: x', 'delete'))
        id = self.cut_at(1, 'UID MOVE', where='after')
        self.c.store().messages[id].place = 'mail'
        self.c.now('label', id=id, add=['mine'])
        self.run_('-q')
        self.assertEqual(self.labels(id), ['mine'])

    def test_delete_that_is_refused_for_once(self):
        self.account(allow_delete=True)
        self.rules(('r', 'subject: x', 'delete'))
        for command in ('UID STORE', 'UID EXPUNGE'):
            with self.subTest(command=command):
                id = self.one(1, 'x')
                self.c.fault('no', command)
                self.t.run('run', '--all')
                self.run_('-q')
                self.assertIsNone(self.m(id))


class Answers(Run):
    """What a server says, and what is so."""

    def test_no_and_done_all_the_same(self):
        for command, action in (('UID STORE', '{label: l}'),
                                ('UID STORE', 'archive'),
                                ('UID MOVE', 'trash')):
            with self.subTest(action=action):
                self.c.reset('gmail')
                self.t = tamis.Tamis()
                self.account()
                id = self.one(1, 'x')
                self.rules(('r', 'subject: x', action))
                self.c.fault('no', command, where='after')
                self.run_()
                self.assertTrue(self.labels(id) != ['\\Inbox'] or
                                self.place(id) == 'trash')

    def test_ok_and_nothing_done(self):
        self.c.set(void_labels=('\\Important',))
        id = self.one(1, 'x')
        self.rules(('r', 'subject: x',
                    '{label: l}, {mark: important}, archive'))
        r = self.run_(status=tamis.SOME_FAILED)
        self.assertIn('did nothing about', r.out)
        # it stays, and has what could be done
        self.assertEqual(self.labels(id), ['\\Inbox', 'l'])

    def test_moves_without_copyuid(self):
        for hidden in (False, True):
            with self.subTest(hidden=hidden):
                self.c.reset('gmail', copyuid='absent',
                             all_mail_hidden=hidden)
                self.t = tamis.Tamis()
                self.account(allow_delete=True)
                ids = [self.one(n, s) for n, s in enumerate(
                    ('trash', 'spam', 'delete'), 1)]
                self.rules(*[(a, 'subject: ' + a, a)
                             for a in ('trash', 'spam', 'delete')])
                self.run_()
                self.assertEqual([self.place(ids[0]), self.place(ids[1]),
                                  self.m(ids[2])], ['trash', 'spam', None])

    def test_no_at_first(self):
        id = self.one(1, 'x')
        self.rules(('r', 'subject: x', '{label: l}, archive'))
        self.run_('-q')
        id = self.one(2, 'x')
        self.c.fault('no', 'UID STORE')
        self.t.run('run')
        self.run_('-q')
        self.assertEqual(self.labels(id), ['l'])

    def test_cut(self):
        for nth in range(1, 8):
            for where in ('before', 'after'):
                with self.subTest(nth=nth, where=where):
                    self.c.reset('gmail')
                    self.t = tamis.Tamis()
                    self.account()
                    self.one(9, 'old')
                    self.rules(('r', 'subject: x',
                                '{label: l}, {mark: read}, archive'),
                               ('t', 'subject: y', '{label: m}, trash'))
                    self.run_('-q')
                    a, b = self.one(1, 'x'), self.one(2, 'y')
                    self.c.fault('drop', 'UID STORE' if nth < 5 else
                                 'UID MOVE' if nth == 5 else 'UID FETCH',
                                 nth=nth if nth < 5 else max(1, nth - 5),
                                 where=where)
                    self.t.run('run')
                    self.c.calm()
                    self.t.run('run', '-q')
                    self.run_('-q')
                    self.assertEqual(self.labels(a), ['l'])
                    self.assertIn('\\Seen', self.m(a)['flags'])
                    self.assertEqual(self.place(b), 'trash')


class Search(Run):
    """`gmail:` conditions."""

    def test_found_and_not(self):
        old = [self.one(1, 'invoice'), self.one(2, 'letter')]
        self.rules(('r', "gmail: 'subject:invoice'", '{label: found}'),
                   ('n', "not: {gmail: 'subject:invoice'}",
                    '{label: missed}'))
        before = self.c.counters()['names'].count('UID SEARCH')
        self.run_()
        self.assertEqual([self.labels(i) for i in old],
                         [['\\Inbox', 'found'], ['\\Inbox', 'missed']])
        after = self.c.counters()['names'].count('UID SEARCH')
        self.assertLessEqual(after - before, 2)	# one is "who is there?"
        self.nothing_left()

    def test_words_of_any_kind(self):
        id = self.one(1, 'x', 'a "b" \\c', '\\Inbox')
        for words in ('label:Grüße', 'say "it" \\\\ so', 'a*b (c)', '会議'):
            with self.subTest(words=words):
                self.rules(('r', "gmail: '%s'" % words, '{label: l}'))
                self.run_()
        self.assertNotIn('l', self.labels(id))

    def test_only_what_hangs_on_it(self):
        for n in range(10):
            self.one(n, 'x' if n == 3 else 'y')
        self.rules(('r', "subject: x, gmail: 'subject:x'", '{label: l}'))
        self.run_()
        searches = [e['command'] for e in self.c.log()
                    if 'X-GM-RAW' in e['command']]
        self.assertEqual(len(searches), 1)
        self.assertIn('UID 4', searches[0])

    def test_a_miss_on_new_mail_waits(self):
        self.one(1, 'old')
        self.rules(('r', "gmail: 'subject:x'", '{label: l}'))
        self.run_('-q')
        id = self.one(2, 'x', date=int(time.time()))
        stored = self.c.store().messages[id]
        stored.unindexed = 'noop'
        for _ in range(7):		# time counts, not tries
            r = self.run_('-q')
            self.assertEqual((self.labels(id), r.out), (['\\Inbox'], ''))
        stored.unindexed = None
        self.run_('-q')
        self.assertEqual(self.labels(id), ['\\Inbox', 'l'])

    def test_elsewhere(self):
        """A file is not on Gmail."""
        path = os.path.join(self.t.folder, 'm.eml')
        with open(path, 'wb') as f:
            f.write(message(1))
        self.rules(('r', "gmail: 'subject:x'", '{label: l}'))
        r = self.t.run('run', '--dry-run', path)
        self.assertIn('only Gmail can be asked', r.out)


class Alert(Run):
    def test_it_is_shown(self):
        self.rules(('r', 'subject: x', 'archive'))
        self.c.fault(lambda session: session.say(
            'OK [ALERT] the end \x1b[1m is near'), 'SELECT',
            where='after')
        r = self.run_()
        self.assertIn('g: the server says: the end \\x1B[1m is near\n',
                      r.err)


class Turns(Run):
    def test_cron_with_nothing_new(self):
        self.one(1, 'x')
        self.rules(('r', 'subject: x', 'archive'))
        self.run_('-q')
        before = self.c.counters()
        self.run_('-q')
        after = self.c.counters()
        self.assertLessEqual(after['turns'] - before['turns'], 6)

    def test_many_messages_few_commands(self):
        self.c.load([{'raw': message(n, subject='r%d' % (n % 10))}
                     for n in range(10000)])
        self.rules(*[('r%d' % i, 'subject: r%d' % i,
                      '{label: l%d}, archive' % i) for i in range(10)])
        before = self.c.counters()
        self.run_()
        after = self.c.counters()
        # 20 of them make the ten labels
        self.assertLess(after['commands'] - before['commands'], 50)
        self.assertLess(after['turns'] - before['turns'], 30)
        self.assertLessEqual(after['longest'], 8000)
        self.assertEqual({tuple(m['labels']) for m in
                          self.c.dump()['messages'].values()},
                         {('l%d' % i,) for i in range(10)})


class Sweep(Run):
    """A sweep fetches only what the server says may be concerned."""

    def test_narrowed(self):
        self.c.load([{'raw': message(n), 'labels': ['old'] if n % 100 == 0
                      else ['a'] if n % 2 else ['a', '\\Inbox']}
                     for n in range(1200)])
        self.t.rules('rules:\n- {name: s, applies_to: all, when: {label: '
                     'old, age: {over: 1d}}, then: [{label: swept}]}\n'
                     '- {name: g, applies_to: all, when: {gmail: '
                     '"subject:message-7"}, then: [{label: g}]}\n')
        before = self.c.counters()
        self.run_('-q')
        after = self.c.counters()
        swept = [m for m in self.c.dump()['messages'].values()
                 if 'swept' in m['labels']]
        self.assertEqual(len(swept), 12)
        self.assertTrue(all('old' in m['labels'] for m in swept))
        self.assertLess(after['octets_out'] - before['octets_out'], 30000)

    def test_same_without(self):
        """What is asked of the server changes no verdict."""
        when = ['label: l1', 'is: unread', 'is: starred, label: l2',
                'size: {over: 400}', 'not: {label: l3}', 'is: important',
                'age: {under: 3d}', 'age: {over: 3d}, not: {is: read}',
                'label: INBOX', 'not: {label: INBOX}']
        mail = [dict(raw=message(n, body='x' * (n % 7 * 40)),
                     labels=['l%d' % (n % 5)] + ['\\Inbox'] * (n % 3 == 0) +
                     ['\\Important'] * (n % 11 == 0),
                     flags=['\\Seen'] * (n % 2) + ['\\Flagged'] * (
                         n % 13 == 0),
                     date=int(time.time()) - n % 9 * 43200 - 1800)
                for n in range(60)]
        outcomes = []
        for extra in (0, 1000):		# below and above the bound
            self.c.reset('gmail')
            self.t = tamis.Tamis()
            self.account()
            self.c.load(mail)
            self.c.load([{'raw': message(n + 100), 'labels': ['l9'],
                          'flags': ['\\Seen'], 'date': 1000000000}
                         for n in range(extra)])
            self.t.rules('rules:\n' + ''.join(
                '- {name: s%d, applies_to: all, when: {%s}, then: '
                '[{label: t%d}]}\n' % (i, w, i)
                for i, w in enumerate(when)))
            self.run_('-q')
            outcomes.append({m['message_id']: sorted(m['labels'])
                             for m in self.c.dump()['messages'].values()
                             if 'l9' not in m['labels']})
        a, b = outcomes
        self.assertEqual({k: (a[k], b[k]) for k in a if a[k] != b[k]}, {})


class Doctor(Run):
    def test_what_is_hidden(self):
        self.rules(('r', 'subject: x', 'archive'))
        r = self.t.run('doctor')
        self.assertEqual(r.status, tamis.DONE, r)
        self.assertIn("labels are Gmail's own", r.out)
        self.assertIn(ALL, r.out)
        self.assertIn(TRASH, r.out)
        self.c.set(all_mail_hidden=True)
        r = self.t.run('doctor')
        self.assertIn('All Mail is hidden', r.out)

    def test_all_mail_that_is_cut(self):
        self.rules(('r', 'subject: x', 'archive'))
        self.c.load([{'raw': message(n)} for n in range(1001)])
        self.assertNotIn('exactly', self.t.run('doctor').out)
        for n in (1000, 2000):
            self.c.set(folder_limit=n)
            r = self.t.run('doctor')
            self.assertEqual(r.status, tamis.DONE)
            self.assertEqual('exactly 1000 messages' in r.out, n == 1000)

    def test_trash_and_spam_that_are_hidden(self):
        self.account(allow_delete=True)
        for use, words, actions in (
                ('\\Trash', 'Trash is hidden', ('trash', 'delete')),
                ('\\Spam', 'Spam is hidden', ('spam',))):
            self.rules(('r', 'subject: x', 'archive'))
            self.c.reset('gmail', hidden=(use,))
            self.assertIn(words, self.t.run('doctor').out)
            for action in actions:
                with self.subTest(action=action):
                    id = self.one(1, 'x')
                    self.rules(('r', 'subject: x', action))
                    r = self.run_(status=tamis.SOME_FAILED)
                    self.assertIn(words, r.out + r.err)
                    self.assertEqual(self.labels(id), ['\\Inbox'])


del Case, Run
if __name__ == '__main__':
    tap.main()
