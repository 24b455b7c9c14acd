"""Was every message kept?  What a crash test asks at its end.

    problems(before, after, log, replaced)

BEFORE and AFTER are dumps (control.dump), LOG is control.log().  REPLACED
says what was to be replaced: {id: new}, where `new` is the digest of the new
content, or a function of a dumped message that knows it (dump with raw=True
then).  Returns lines; none if

 - a message that was not to be replaced is as it was;
 - of each that was, there is exactly one live: the old one as it was, or a
   new one, whole, with the labels, flags, date and thread of the old; the
   old one then lies in Trash, or is gone by an expunge of Trash;
 - nothing else is there;
 - nothing but what was to be replaced was ever purged, and nothing was
   purged while no whole new one was there.
"""

KEPT = ('labels', 'flags', 'date', 'place', 'digest', 'deleted')
DRESS = ('labels', 'flags', 'date', 'thread')


def problems(before, after, log=(), replaced=None, ambiguous=()):
    """AMBIGUOUS: ids of which both may be there, as they were reported."""
    replaced = replaced or {}
    old, new = before['messages'], after['messages']
    found, used = [], set()
    for key, m in old.items():
        if key not in replaced:
            found += unchanged(key, m, new.get(key))
            continue
        copies = [c for k, c in new.items()
                  if k not in old and matches(c, replaced[key])]
        used |= {c['id'] for c in copies}
        found += one_alive(key, m, new.get(key), copies, key in ambiguous)
    for key, m in new.items():
        if key not in old and key not in used:
            found.append('%s is new, and nobody knows it: %s' % (
                name(m), m['place']))
    return found + purges(old, replaced, log)


def name(m):
    return '%s (%s)' % (m['message_id'] or 'no Message-ID', m['id'])


def matches(m, wanted):
    return wanted(m) if callable(wanted) else m['digest'] == wanted


def unchanged(key, m, now):
    if now is None:
        return ['%s is gone' % name(m)]
    return ['%s: %s was %s, is %s' % (name(m), what, m[what], now[what])
            for what in KEPT if m[what] != now[what]]


def one_alive(key, m, now, copies, ambiguous):
    live = [c for c in copies if c['place'] == 'mail']
    old_lives = now is not None and now['place'] == 'mail'
    if old_lives and live and not ambiguous:
        return ['%s lives beside its copy' % name(m)]
    if len(live) > 1:
        return ['%s has %d copies' % (name(m), len(live))]
    if old_lives:
        return unchanged(key, m, now)
    if not live:
        return ['%s is lost: old one %s, no copy lives' % (
            name(m), now['place'] if now else 'gone')]
    return ['%s: %s was %s, the copy has %s' % (
        name(m), what, m[what], live[0][what])
        for what in DRESS if m[what] != live[0][what]]


def purges(old, replaced, log):
    """What the log says of messages that went for ever."""
    found = []
    for entry in log:
        for effect in entry['effects']:
            if effect[0] == 'purge' and effect[1] in old:
                if effect[1] not in replaced:
                    found.append('%s purged %s' % (
                        entry['command'], name(old[effect[1]])))
                elif entry['name'] in ('EXPUNGE', 'CLOSE'):
                    found.append('%s purged by a plain %s' % (
                        name(old[effect[1]]), entry['name']))
    return found
