"""Small messages that are told apart by their number.

    message(7, subject='hello', to='me@example.org')
"""


def message(n, subject=None, sender='alice@example.org',
            to='me@example.org', date='Thu, 15 Jan 2026 10:00:%02d +0000',
            body='Hello.\r\n', headers=()):
    lines = ['From: Alice <%s>' % sender,
             'To: %s' % to,
             'Subject: %s' % (subject or 'message %d' % n),
             'Message-ID: <%d@example.org>' % n,
             'Date: ' + (date % (n % 60) if '%' in date else date)]
    lines += ['%s: %s' % h for h in headers]
    return ('\r\n'.join(lines) + '\r\n\r\n' + body).encode()


def ids(messages):
    """Message-IDs of a dump, as numbers, sorted."""
    return sorted(int(m.message_id.split('@')[0]) for m in messages)
