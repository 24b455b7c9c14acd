#!/usr/bin/env python3
"""tamis stats: what the journal tells, counted; and its page in a browser."""

import base64
import hashlib
import html.parser
import os
import re
import shutil
import sqlite3
import struct
import subprocess
import time
import unittest
import zlib

import tamis
import tap

DAY = 86400
BROWSERS = ['chromium-headless-shell', 'chromium', 'google-chrome']
NASTY = '</title><script>document.title="pwned"</script> & "x"'
RULES = '''rules:
  - {name: money, when: {subject: invoice}, then: [{label: money}, archive]}
  - {name: "%s", when: {subject: nasty}, then: [{mark: starred}]}
  - {name: swept, when: {subject: nothing like it}, then: [trash]}
  - {name: off, enabled: false, then: [trash]}
  - {name: elsewhere, account: other, then: [trash]}
''' % NASTY.replace('"', '\\"')
BAR = (0x2f, 0x6f, 0x9f)	# the colour of bars by day


def png_rows(path):
    """The pixels of a PNG without palette or interlace: rows of (r, g, b)."""
    data = open(path, 'rb').read()
    at, body = 8, b''
    while at < len(data):
        size, kind = struct.unpack('>I4s', data[at:at + 8])
        chunk = data[at + 8:at + 8 + size]
        if kind == b'IHDR':
            width, height, depth, colour = struct.unpack('>IIBB', chunk[:10])
        body += chunk if kind == b'IDAT' else b''
        at += size + 12
    n = {2: 3, 6: 4}[colour]
    assert depth == 8
    raw, rows, before = zlib.decompress(body), [], bytearray(width * n)
    for y in range(height):
        start = y * (width * n + 1)
        kind, line = raw[start], bytearray(
            raw[start + 1:start + 1 + width * n])
        for i in range(len(line)):
            a = line[i - n] if i >= n else 0
            b, c = before[i], before[i - n] if i >= n else 0
            if kind == 4:
                p = a + b - c
                near = min((abs(p - a), 0, a), (abs(p - b), 1, b),
                           (abs(p - c), 2, c))[2]
            line[i] = line[i] + [0, a, b, (a + b) // 2,
                                 near if kind == 4 else 0][kind] & 255
        rows.append([tuple(line[i:i + 3]) for i in range(0, width * n, n)])
        before = line
    return rows


class Parser(html.parser.HTMLParser):
    """Tags as they are opened, and the text between."""
    VOID = ('meta',)

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.texts = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag, tag

    def handle_data(self, data):
        self.texts.append(data)


class Stats(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.t = tamis.Tamis()
        cls.mail = cls.t.home + '/Mail'
        for name in ('cur', 'new', 'tmp'):
            os.makedirs(cls.mail + '/' + name)
        cls.t.config({'accounts': {'home': {'maildir': cls.mail},
                                   'other': {'maildir': '~/Other'}}})
        cls.t.rules(RULES)
        cls.n = 0
        cls.run_over([])
        # four changes, then two, three days later, then two
        cls.run_over(['invoice', 'invoice'])
        cls.later(3)
        cls.run_over(['invoice'])
        cls.later(1)
        cls.run_over(['nasty', 'nasty', 'hello'])

    @classmethod
    def run_over(cls, subjects):
        for subject in subjects:
            cls.n += 1
            with open('%s/new/%d.x' % (cls.mail, cls.n), 'w') as f:
                f.write('From: a@example.org\nSubject: %s\n'
                        'Message-ID: <%d@example.org>\n\nx\n' % (
                            subject, cls.n))
        r = cls.t.run('-a', 'home', 'run')
        assert r.status == 0, r

    @classmethod
    def later(cls, days):
        """What was done was done so many days earlier."""
        with sqlite3.connect(cls.t.state_dir + '/home/state.db') as db:
            db.execute('UPDATE change SET time = time - ?', [days * DAY])
            db.execute('UPDATE run SET started = started - ?, '
                       'ended = ended - ?', [days * DAY] * 2)
        db.close()

    def stats(self, *args, status=0):
        r = self.t.run('-a', 'home', 'stats', *args)
        self.assertEqual((r.status, r.err), (status, ''), r)
        return r

    def day(self, ago):
        return time.strftime('%Y-%m-%d', time.gmtime(time.time() -
                                                     ago * DAY))

    def test_text(self):
        out = self.stats().out
        out = re.sub(r'\d\d:\d\d:\d\d', '<time>', out)
        for ago, name in ((0, 'today'), (1, 'yesterday'), (4, 'before')):
            out = out.replace(self.day(ago), '<%s>' % name)
        cut = NASTY[:37] + '...'
        self.assertEqual(out, (
            'home: since <before> <time> 4 runs, 6 judged, 5 changed by '
            '8 changes\n'
            '%-40s  messages  changes   failed  last\n'
            '%-40s         3        6        0  <yesterday> <time>\n'
            '%-40s         2        2        0  <today> <time>\n'
            '%-40s         0        0        0  never\n'
            'day         messages  changes   failed\n'
            '<before>         2        4        0  %s\n'
            '<yesterday>         1        2        0  %s\n'
            '<today>         2        2        0  %s\n') % (
                'rule', 'money', cut, 'swept', '#' * 40, '#' * 20, '#' * 20))

    def test_json(self):
        objects = self.stats('--json').json()
        rules = [(o['name'], o['messages'], o['changes'], o['known'],
                  'last' in o) for o in objects if o['type'] == 'rule_stats']
        self.assertEqual(rules, [('money', 3, 6, True, True),
                                 (NASTY, 2, 2, True, True),
                                 ('swept', 0, 0, True, False)])
        days = [(o['day'], o['messages'], o['changes'], o['failed'])
                for o in objects if o['type'] == 'day_stats']
        self.assertEqual(days, [(self.day(4), 2, 4, 0),
                                (self.day(1), 1, 2, 0),
                                (self.day(0), 2, 2, 0)])
        last = objects[-1]
        self.assertEqual((last['type'], last['account'], last['runs'],
                          last['judged'], last['messages'], last['changes']),
                         ('stats', 'home', 4, 6, 5, 8))

    def test_since(self):
        objects = self.stats('--json', '--since', '2d').json()
        self.assertEqual((objects[-1]['runs'], objects[-1]['changes']),
                         (2, 4))
        self.assertEqual(objects[0]['messages'], 2)

    def test_rules_that_are_gone(self):
        path = self.t.rules('rules: [{name: swept, then: [trash]}]', 'b.yaml')
        r = self.stats('-r', path)
        self.assertRegex(r.out, r'(?m)^money .*, no rule now$')
        self.assertRegex(r.out, r'(?m)^swept .* never$')

    def test_rules_that_are_broken(self):
        """The journal is told all the same."""
        path = self.t.rules('rules: [', 'broken.yaml')
        r = self.t.run('-a', 'home', '-r', path, 'stats')
        self.assertEqual(r.status, tamis.BAD_CONFIG, r)
        self.assertIn('broken.yaml', r.err)
        self.assertRegex(r.out, r'(?m)^money ')

    def test_nothing_yet(self):
        r = self.t.run('-a', 'other', 'stats')
        self.assertEqual(r.status, 0, r)
        self.assertIn('other: no run\n', r.out)
        self.assertRegex(r.out, r'(?m)^elsewhere .* never$')
        page = self.t.run('-a', 'other', 'stats', '--html')
        self.assertIn('No run.', page.out)
        self.assertFalse(os.path.exists(self.t.state_dir + '/other'))

    def test_html_or_json(self):
        r = self.t.run('stats', '--html', '--json')
        self.assertEqual(r.status, tamis.USAGE, r)

    def test_page(self):
        """Well formed, and nothing of others in it is HTML."""
        text = self.stats('--html').out
        page = Parser(text)
        self.assertEqual(page.open, [])
        names = [tag for tag, _ in page.tags]
        self.assertNotIn('script', names)
        self.assertEqual(names.count('title'), 1 + 3)
        self.assertIn(NASTY, page.texts)
        for tag, attrs in page.tags:
            self.assertFalse({'src', 'href', 'style', 'onload'} & set(attrs),
                             tag)
        policy = [a['content'] for t, a in page.tags
                  if a.get('http-equiv') == 'Content-Security-Policy'][0]
        style = text.partition('<style>')[2].partition('</style>')[0]
        digest = base64.b64encode(hashlib.sha256(style.encode()).digest())
        self.assertIn("default-src 'none'", policy)
        self.assertIn("style-src 'sha256-%s'" % digest.decode(), policy)
        days = [a for t, a in page.tags if t == 'rect' and 'x' in a]
        self.assertEqual([(a['x'], a['height']) for a in days],
                         [('250', '1000'), ('280', '500'), ('290', '500')])

    def browse(self, text):
        """What a browser makes of it: the tree, its complaints, a picture
        as rows of pixels."""
        found = [b for b in BROWSERS if shutil.which(b)]
        if not found:
            self.skipTest('there is no ' + BROWSERS[0])
        name = self.t.folder + '/page'
        with open(name + '.html', 'w') as f:
            f.write(text)
        argv = [found[0], '--no-sandbox', '--disable-gpu', '--headless',
                '--enable-logging=stderr', '--hide-scrollbars',
                '--force-color-profile=srgb', '--window-size=800,900',
                '--user-data-dir=%s/browser' % self.t.folder]
        env = dict(self.t.env, HOME=self.t.folder)
        out = []
        for what in ('--dump-dom', '--screenshot=%s.png' % name):
            p = subprocess.run(argv + [what, 'file://%s.html' % name],
                               env=env, capture_output=True, timeout=120)
            self.assertEqual(p.returncode, 0, p.stderr)
            out.append(p)
        said = [line for line in out[0].stderr.decode().splitlines()
                if ':CONSOLE:' in line]
        return out[0].stdout.decode(), said, png_rows(name + '.png')

    def test_browser(self):
        tree, said, rows = self.browse(self.stats('--html').out)
        self.assertEqual(said, [])
        self.assertIn('<title>tamis: statistics</title>', tree)
        self.assertEqual(tree.count('<rect '), 3 + 2)
        # how high the bars are, where they stand: columns of their colour
        top, bottom = self.chart(rows)
        high = [sum(rows[y][x] == BAR for y in range(top, bottom + 1))
                for x in range(len(rows[0]))]
        groups = [int(h) for h in re.findall(r'\d+', re.sub(
            r'(\b\d+ )\1+', r'\1', ' '.join(map(str, high)) + ' '))
            if int(h) > 9]
        whole = bottom - top + 1
        self.assertGreater(whole, 100)
        self.assertEqual(len(groups), 3, groups)
        for got, wanted in zip(groups, [whole, whole / 2, whole / 2]):
            self.assertLessEqual(abs(got - wanted), 2)

    def chart(self, rows):
        """The first rows in which bars stand, without a gap."""
        has = [BAR in row for row in rows]
        top = has.index(True)
        bottom = has.index(False, top) - 1
        return top, bottom

    def test_browser_complains(self):
        """It would, of what the policy of the page does not allow."""
        text = self.stats('--html').out
        _, said, _ = self.browse(text.replace(
            '</body>', '<p style="color:red"><script>1</script>'
            '<img src="http://127.0.0.1:9/x"></body>').replace(
                '<style>', '<style>/**/'))
        for what in ('inline style', 'inline script', 'img-src|image'):
            self.assertRegex('\n'.join(said), what)


if __name__ == '__main__':
    tap.main()
