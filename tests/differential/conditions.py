"""Random conditions, each said in several languages.

A condition is a pair (tamis, other): a tree for a rule file, and the same in
the language of a peer.  The functions below make the pairs of one peer each;
only what the peer's manual says to mean the same is made.
"""

import json
import re

import letters as L


def some(rng, pool):
    return rng.sample(pool, rng.choice([1, 1, 1, 2, 3]))


def combined(rng, one, depth, join):
    """A tree over ONE(rng): leaves, all, any, not."""
    if depth == 0 or rng.random() < 0.5:
        return one(rng)
    how = rng.choice(['all', 'any', 'not'])
    kids = [combined(rng, one, depth - 1, join)
            for _ in range(rng.randrange(2, 4))]
    return {how: [k[0] for k in kids]}, join(how, [k[1] for k in kids])


def cut(rng, word):
    """A piece of a word: something that is contained."""
    if len(word) < 4 or rng.random() < 0.4:
        return word
    at = rng.randrange(len(word) - 2)
    return word[at:rng.randrange(at + 2, len(word) + 1)]


def texts(rng, plain=False):
    pool = L.WORDS if plain else L.WORDS + L.FOREIGN
    word = cut(rng, rng.choice(pool))
    # ASCII's case only: that of other letters is not the same everywhere
    return word.swapcase() if word.isascii() and rng.random() < 0.3 else word


# ---------------------------------------------------------------- Sieve

def quoted(text):
    return '"%s"' % text.replace('\\', '\\\\').replace('"', '\\"')


def strings(texts_):
    return '[%s]' % ', '.join(quoted(t) for t in texts_)


def sieve_join(how, kids):
    return {'all': 'allof (%s)', 'any': 'anyof (%s)',
            'not': 'not anyof (%s)'}[how] % ', '.join(kids)


def sieve_header(rng):
    """RFC 5228 5.7 with i;ascii-casemap; RFC 5228 2.7.1 for the globs."""
    name, key = rng.choice([('Subject', 'subject'), ('X-Tag', None)])
    op = rng.choice(['contains', 'is', 'matches', 'starts', 'ends'])
    pool = [rng.choice(L.TAGS) for _ in range(3)] if key is None else \
        [texts(rng) for _ in range(3)]
    if op == 'matches':
        pool = ['*%s*%s' % (cut(rng, w), rng.choice(['', '*'])) for w in pool]
    values = some(rng, pool)
    tamis = {op: values}
    if op == 'starts':
        values, op = [v + '*' for v in values], 'matches'
    elif op == 'ends':
        values, op = ['*' + v for v in values], 'matches'
    return ({key: tamis} if key else {'header': {name: tamis}},
            'header :%s %s %s' % (op, quoted(name), strings(values)))


def sieve_exists(rng):
    name, there = rng.choice(['X-Tag', 'Cc', 'Date']), rng.random() < 0.5
    return ({'header': {name: {'exists': there}}},
            '%sexists %s' % ('' if there else 'not ', quoted(name)))


def sieve_address(rng):
    """RFC 5228 5.1, RFC 5233."""
    field = rng.choice(['from', 'to', 'cc'])
    part, sieve = rng.choice([
        ('address', 'all'), ('local', 'localpart'), ('domain', 'domain'),
        ('user', 'user'), ('detail', 'detail')])
    pool = {'address': [L.address(rng) for _ in range(4)],
            'local': L.LOCALS + ['alice+lists'], 'domain': L.DOMAINS,
            'user': L.LOCALS, 'detail': ['lists', 'shop', 'a.b']}[part]
    op = rng.choice(['is', 'is', 'contains', 'matches'])
    values = some(rng, pool)
    if op == 'contains':
        values = [cut(rng, v) for v in values]
    elif op == 'matches':
        values = ['*' + cut(rng, v) + '*' for v in values]
    return ({field: {part: values if op == 'is' else {op: values}}},
            'address :%s :%s %s %s' % (sieve, op, quoted(field),
                                       strings(values)))


def sieve_size(rng):
    how, n = rng.choice(['over', 'under']), rng.randrange(300, 1500)
    return {'size': {how: n}}, 'size :%s %d' % (how, n)


def sieve_body(rng):
    """RFC 5173 5.3."""
    values = some(rng, [texts(rng) for _ in range(3)])
    return ({'body': values},
            'body :text :contains ' + strings(values))


def zones(rng):
    """What tamis and RFC 5260 4.1 call the same."""
    east = rng.choice(['+00:00', '+02:00', '-05:00', '+05:30', '+13:00'])
    return east, ':zone "%s"' % east.replace(':', '')


def sieve_date(rng):
    """RFC 5260 4."""
    how, rel = rng.choice([('before', 'lt'), ('after', 'gt'), ('on', 'eq')])
    day = '%d-%02d-%02d' % (rng.randrange(2023, 2027), rng.randrange(1, 13),
                            rng.randrange(1, 29))
    zone, sieve = zones(rng)
    return ({'sent': {how: day, 'zone': zone}},
            'date %s :value %s "date" "date" %s' % (
                sieve, quoted(rel), quoted(day)))


def sieve_hour(rng):
    """RFC 5260 4.2, "time" and "hour"; over midnight, too."""
    part = rng.choice(['time', 'hour'])
    hours = rng.sample(range(24), 2)
    at = ['%02d:%02d' % (h, rng.randrange(60) if part == 'time' else 0)
          for h in hours]
    keys = ['%s:00' % a if part == 'time' else a[:2] for a in at]
    zone, sieve = zones(rng)
    tests = ', '.join('date %s :value "%s" "date" "%s" "%s"' % (
        sieve, rel, part, key) for rel, key in zip(('ge', 'lt'), keys))
    return ({'time_of_day': {'between': at, 'of': 'sent', 'zone': zone}},
            '%sof (%s)' % ('all' if hours[0] < hours[1] else 'any', tests))


def sieve_weekday(rng):
    """RFC 5260 4.2, "weekday": 0 is Sunday."""
    days = rng.sample(range(7), rng.randrange(1, 4))
    names = [rng.choice([d, d[:3], d[:3].upper()]) for d in (
        ['sunday', 'monday', 'tuesday', 'wednesday', 'thursday', 'friday',
         'saturday'][i] for i in days)]
    if len(days) == 1 and rng.random() < 0.5:	# a range, over Saturday too
        last = rng.randrange(7)
        names[0] += '-' + ['sun', 'mon', 'tue', 'wed', 'thu', 'fri',
                           'sat'][last]
        days = [(days[0] + i) % 7 for i in range((last - days[0]) % 7 + 1)]
    zone, sieve = zones(rng)
    return ({'weekday': {'is': names, 'of': 'sent', 'zone': zone}},
            'date %s :is "date" "weekday" %s' % (
                sieve, strings(str(d) for d in days)))


def sieve_regex(rng):
    """draft-ietf-sieve-regex: what POSIX and PCRE2 read alike."""
    a, b = (re.sub('[^a-z]', '', rng.choice(L.WORDS).lower())
            for _ in range(2))
    value = rng.choice(['(%s|%s)', '%s.*%s', '^.?%s|%s$', '%s|[%s]+ r']) % (
        a, b)
    return ({'subject': {'regex': value}},
            'header :regex "Subject" ' + quoted(value))


def sieve_count(rng):
    """RFC 5231 6: occurrences of a field, addresses of an address field."""
    how, rel = rng.choice([('over', 'gt'), ('under', 'lt'), ('is', 'eq')])
    n = rng.randrange(how == 'under', 4)
    key, sieve = rng.choice([
        ({'header': {'X-Tag': {'count': {how: n}}}}, 'header %s "X-Tag"'),
        ({'to': {'count': {how: n}}}, 'address %s "To"'),
        ({'cc': {'count': {how: n}}}, 'address %s "Cc"')])
    return (key, sieve % (':count "%s" :comparator "i;ascii-numeric"' % rel) +
            ' "%d"' % n)


def sieve_exact(rng):
    """RFC 5228 2.7.3, i;octet."""
    op = rng.choice(['contains', 'is', 'matches'])
    field, test, pool = rng.choice([
        ('subject', 'header :%s %s "Subject"', L.WORDS + L.FOREIGN),
        ('X-Tag', 'header :%s %s "X-Tag"', L.TAGS),
        ('local', 'address :localpart :%s %s "From"', L.LOCALS),
        ('detail', 'address :detail :%s %s "From"', ['lists', 'shop', 'a.b'])])
    values = [v.swapcase() if rng.random() < 0.2 else v
              for v in (cut(rng, v) if op != 'is' else v
                        for v in some(rng, pool))]
    if op == 'matches':
        values = ['*%s*' % v for v in values]
    tree = {op: values, 'case': 'exact'}
    return ({'subject': {'subject': tree}, 'X-Tag': {'header': {field: tree}}
             }.get(field, {'from': {field: tree}}),
            (test % (op, ':comparator "i;octet"')) + ' ' + strings(values))


SIEVE = [sieve_header] * 4 + [sieve_address] * 4 + [
    sieve_exists, sieve_size, sieve_body, sieve_body, sieve_date,
    sieve_date, sieve_hour, sieve_weekday, sieve_regex, sieve_count,
    sieve_exact]
SIEVE_REQUIRES = ['fileinto', 'copy', 'body', 'date', 'relational', 'regex',
                  'subaddress', 'comparator-i;ascii-numeric']


def sieve(rng):
    return combined(rng, lambda r: r.choice(SIEVE)(r), 2, sieve_join)


# --------------------------------------------------- header by regex lines

def any_field(rng):
    """A field of one line, and a regex that every engine reads alike."""
    name = rng.choice(['Subject', 'X-Tag', 'From', 'To'])
    if name in ('From', 'To'):
        word = rng.choice([re.escape(rng.choice(L.DOMAINS)).lower(),
                           rng.choice(['alice', 'bob', 'no-reply'])])
    elif name == 'X-Tag':
        word = rng.choice(L.TAGS)
    else:
        word = rng.choice(L.WORDS)
        word = rng.choice([word, cut(rng, word), '(%s|%s)' % (
            word, rng.choice(L.WORDS)), word[0] + '.' + word[2:]])
    return name, word.lower() if rng.random() < 0.5 else word


def headed(name, regex):
    key = name.lower()
    return {'header': {name: {'regex': regex}}} if name != 'Subject' else {
        key: {'regex': regex}}


def octets(rng):
    """A field and a regex over it as it came, encoded words and all."""
    name = rng.choice(['Subject', 'Subject', 'From', 'To'])
    word = rng.choice([
        r'=\?[a-z0-9-]+\?q\?', r'=\?utf-8\?', r'\?b\?[a-z0-9+/]+=*\?=',
        r'=c3=|=fc', r'\?=[ \t]+=\?', r'^[ \t]*=\?', r'\?=[ \t]*$',
        cut(rng, rng.choice(L.WORDS)), re.escape(rng.choice(L.DOMAINS))])
    return name, word


def whole(name, regex, raw):
    """The same of the whole header: `.` crosses no line."""
    block = {'regex': '(?m)^%s:.*(%s)' % (name, regex)}
    return {'header_block': dict(block, raw=True) if raw else block}


# -------------------------------------------------------------- procmail

def procmail_header(rng):
    """procmailrc(5): extended regexes over unfolded lines, without case."""
    name, regex = any_field(rng)
    if rng.random() < 0.2:
        return headed(name, '^' + regex), ['^%s:[ 	]*%s' % (name, regex)]
    if rng.random() < 0.2:
        return whole(name, regex, rng.random() < 0.5), [
            '^%s:.*(%s)' % (name, regex)]
    return headed(name, regex), ['^%s:.*%s' % (name, regex)]


def procmail_exists(rng):
    name = rng.choice(['X-Tag', 'Cc', 'Date'])
    return {'header': {name: {'exists': True}}}, ['^%s:' % name]


def procmail_body(rng):
    word = texts(rng, plain=True)
    return {'body': word}, ['B ?? ' + re.escape(word)]


def procmail_octets(rng):
    name, regex = octets(rng)
    line = regex.replace('\\t', '\t')
    if regex[0] == '^':
        line, edge = '^%s:%s' % (name, line[1:]), True
    else:
        line, edge = '^%s:.*(%s)' % (name, line), regex[-1] == '$'
    if edge or rng.random() < 0.5:
        return {'header': {name: {'raw': True, 'regex': regex}}}, [line]
    return whole(name, regex, True), [line]


def procmail_raw(rng):
    """For letters in which much is encoded: procmail decodes nothing."""
    tree, lines = procmail_octets(rng)
    return ({'not': tree}, ['! ' + lines[0]]) if rng.random() < 0.2 else (
        tree, lines)


def procmail(rng):
    """Conditions of one recipe are ANDed; `!` negates one.  No sizes: it
    counts a line's end as one octet where RFC822.SIZE counts two."""
    tamis, lines = [], []
    for _ in range(rng.randrange(1, 4)):
        make = rng.choice([procmail_header] * 5 + [
            procmail_exists, procmail_body])
        tree, more = make(rng)
        if rng.random() < 0.25:
            tree, more = {'not': tree}, ['! ' + more[0]]
        tamis.append(tree)
        lines += more
    return {'all': tamis}, lines


# -------------------------------------------------------------- maildrop

def maildrop_header(rng):
    """maildropfilter(7): Perl's regexes over unfolded lines, without
    case unless :D."""
    name, regex = any_field(rng)
    exact = rng.random() < 0.2
    if rng.random() < 0.2:
        # it decodes encoded words, too: so there is no `raw` to compare
        return (whole(name, regex, False), '/^%s:.*(%s)/:h' % (
            name, regex.replace('@', '\\@')))
    tree = headed(name, regex)
    if exact:
        leaf = next(iter(tree.values()))
        (leaf if 'regex' in leaf else leaf[name])['case'] = 'exact'
    return tree, '/^%s:.*%s/:h%s' % (name, regex.replace('@', '\\@'),
                                     'D' if exact else '')


def maildrop_body(rng):
    word = texts(rng, plain=True)
    return {'body': word}, '/%s/:b' % re.escape(word)


def maildrop_address(rng):
    a = L.address(rng)
    return ({'any': [{'to': a}, {'cc': a}]}, 'hasaddr(%s)' % json.dumps(a))


def maildrop_join(how, kids):
    text = (' && ' if how == 'all' else ' || ').join(
        '(%s)' % k for k in kids)
    return '!(%s)' % text if how == 'not' else '(%s)' % text


def maildrop(rng):
    return combined(rng, lambda r: r.choice([maildrop_header] * 5 + [
        maildrop_body, maildrop_address])(r), 2, maildrop_join)
