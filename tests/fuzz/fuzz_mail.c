/*
 * Mail: all that can be asked of a message, in two orders, from the whole and
 * from its header alone; and rules that use every word, judged on it.
 */
#include "fuzz.h"

#include <string.h>

#include "rules/charset.h"
#include "rules/html.h"

static const struct str names[] = {
	STR_LIT("From"), STR_LIT("To"), STR_LIT("Subject"), STR_LIT("Date"),
	STR_LIT("List-Id"), STR_LIT("Message-ID"), STR_LIT("References"),
	STR_LIT("Content-Type"), STR_LIT("X"),
};

static const struct str source = STR_LIT(
    "version: 1\n"
    "lists:\n"
    "  some: [a@example.org, '@example.com', '/^re:? (.*)/', tom, invoice]\n"
    "conditions:\n"
    "  ours: {from: {list: some}}\n"
    "rules:\n"
    "- name: addresses\n"
    "  when: {any: [ours, to: '@*.example.org', cc: tom, bcc: {exists: true},\n"
    "    recipient: {domain: {ends: org}, local: {regex: '^(a+)+$'}},\n"
    "    sender: {user: a, detail: {contains: b}}, reply_to: {name: x}]}\n"
    "  then: [label: 'a/$(from.domain:-none)', mark: starred]\n"
    "- name: texts\n"
    "  when: {any: [subject: {regex: '(?<w>\\w+) \\d', case: exact},\n"
    "    list_id: {list: some}, message_id: {starts: a}, subject: [re, fw],\n"
    "    in_reply_to: {exists: false}, references: {ends: org},\n"
    "    header: {X: {matches: '*b*c?', count: {under: 3}}},\n"
    "    subject: {raw: true, contains: '=?'},\n"
    "    header_block: {regex: '(?m)^x-(?<x>\\w+): '}]}\n"
    "  then: [label: 'b/$(w:-none)', label: '$(subject:-none)']\n"
    "- name: rewrites\n"
    "  when: {any: [subject: re, body: invoice, label: none]}\n"
    "  then: [set_header: {Subject: '[x] $(subject:-none)', X-New: a},\n"
    "    edit_header: {From: {regex: '(.)\\.', replace: '$(1)-'},\n"
    "      To: [{remove: a}, {remove: '[<>]'}]},\n"
    "    add_header: {X: {value: b, last: true}}]\n"
    "  on_error: [add_header: {X: failed}]\n"
    "- name: mends\n"
    "  when: {not: {any: [subject: {starts: '[x]'}, to: tom]}}\n"
    "  then: [fix_headers: [duplicates, encoding, from, date, message_id,\n"
    "    references], remove_header: {X: {contains: a}}]\n"
    "- name: reads again\n"
    "  when: {any: [ours, subject: {ends: none}, sent: {on: 2026-01-10},\n"
    "    message_id: {ends: invalid}, header: {X: {count: {over: 1}}}]}\n"
    "  then: [label: 'e/$(from.local:-none)']\n"
    "- name: pipes\n"
    "  when: {any: [body: pipe, subject: pipe]}\n"
    "  first_of:\n"
    "  - {when: {header: {X: b}}, then: [pipe: a, set_header: {X: c}]}\n"
    "  - {otherwise: [pipe: [b], label: 'f/$(header.X:-none)']}\n"
    "- name: others\n"
    "  when: {any: [auth_results: {dkim: pass}, gmail: 'has:x',\n"
    "    run: {command: [/bin/a]}, from: {domain: b, verified: true}]}\n"
    "  then: [label: d]\n"
    "- name: branches\n"
    "  when: {not: {label: 'b/*'}}\n"
    "  first_of:\n"
    "  - {when: {body: invoice}, then: [label: c/body, stop]}\n"
    "  - {when: {attachment: {type: {starts: image}, size: {over: 3}}},\n"
    "     then: [label: c/image, move: pictures]}\n"
    "  - {when: {attachment: {name: {regex: '(.+)\\.(\\w+)$'}}},\n"
    "     then: [label: 'c/$(2)']}\n"
    "  - {otherwise: [unlabel: work]}\n"
    "- name: facts\n"
    "  when: {all: [size: {over: 10, under: 1M}, age: {over: 1h},\n"
    "    any: [is: starred, flag: $x, mailbox: INBOX, account: home,\n"
    "    sent: {before: 2026-01-10}, received: {on: 2026-01-10},\n"
    "    time_of_day: {of: sent, between: ['22:00', '07:00']}]]}\n"
    "  then: [copy: 'd/$(date:%Y)', archive]\n"
    "- name: late\n"
    "  when: {not: {any: [body: {regex: '(x+x+)+y'},\n"
    "    body: {raw: true, ends: x},\n"
    "    weekday: {of: sent, is: sat}]}}\n"
    "  then: [trash]\n");

static bool is_line(struct str s)
{
	return fuzz_is_text(s) && !fuzz_has(s, '\n') && !fuzz_has(s, '\r');
}

static void look_at_field(struct mail *m, struct str name)
{
	size_t n = mail_field_count(m, name);
	const struct address *list;

	for (size_t k = 0; k < n; k++)
		HOLDS(is_line(mail_field_text(m, name, k)));
	n = mail_addresses(m, name, &list);
	HOLDS(n <= MAIL_ADDRESSES_MAX);
	for (size_t i = 0; i < n; i++)
		HOLDS(is_line(list[i].name) && is_line(list[i].address) &&
		    is_line(list[i].local) && is_line(list[i].domain));
}

static void look_at_fields(struct mail *m)
{
	for (size_t i = 0; i < COUNT(names); i++)
		look_at_field(m, names[i]);
	HOLDS(fuzz_is_text(mail_message_id(m)));
	HOLDS(fuzz_is_text(mail_list_id(m)));
	HOLDS(mail_sent(m) != TIME_NONE || mail_sent_zone(m) == 0);
}

static void look_at_body(struct mail *m)
{
	const struct body_text *texts;
	const struct attachment *parts;
	size_t n, nodes, leaves;
	bool cut;

	n = mail_body_texts(m, &texts, &cut);
	for (size_t i = 0; i < n; i++)
		HOLDS(fuzz_is_text(texts[i].text) &&
		    !fuzz_has(texts[i].text, '\r') &&
		    texts[i].text.n <= MAIL_PART_TEXT_MAX);
	n = mail_attachments(m, &parts, &cut);
	for (size_t i = 0; i < n; i++)
		HOLDS(fuzz_is_text(parts[i].name) &&
		    fuzz_is_text(parts[i].type));
	mail_part_counts(m, &nodes, &leaves);
	HOLDS(leaves <= nodes && nodes >= 1 && nodes <= MAIL_PARTS_MAX);
}

/* Two views of one message agree on its fields. */
static void compare_fields(struct mail *a, struct mail *b)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		size_t n = mail_field_count(a, names[i]);

		HOLDS(n == mail_field_count(b, names[i]));
		for (size_t k = 0; k < n; k++)
			HOLDS(str_eq(mail_field_text(a, names[i], k),
			    mail_field_text(b, names[i], k)));
	}
	HOLDS(mail_sent(a) == mail_sent(b));
	HOLDS(str_eq(mail_message_id(a), mail_message_id(b)));
	HOLDS(str_eq(mail_list_id(a), mail_list_id(b)));
}

static void compare_bodies(struct mail *a, struct mail *b)
{
	const struct attachment *x, *y;
	const struct body_text *s, *t;
	bool cut_a, cut_b;
	size_t n = mail_attachments(a, &x, &cut_a);

	HOLDS(n == mail_attachments(b, &y, &cut_b) && cut_a == cut_b);
	for (size_t i = 0; i < n; i++)
		HOLDS(str_eq(x[i].name, y[i].name) && x[i].size == y[i].size);
	n = mail_body_texts(a, &s, &cut_a);
	HOLDS(n == mail_body_texts(b, &t, &cut_b) && cut_a == cut_b);
	for (size_t i = 0; i < n; i++)
		HOLDS(str_eq(s[i].text, t[i].text));
}

/* What fits into little room is how the whole begins. */
static void look_at_html(struct arena *a, struct str bytes)
{
	struct str text = charset_raw_text(a, bytes);
	struct buf all, some;

	buf_init(&all, 4 * text.n + 100);
	buf_init(&some, text.n / 2);
	html_text(text, &all);
	html_text(text, &some);
	HOLDS(fuzz_is_text(buf_str(&all)));
	HOLDS(str_starts(buf_str(&all), buf_str(&some)));
	buf_free(&all);
	buf_free(&some);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct str bytes = fuzz_input(data, n);
	struct arena *a = arena_new();
	size_t body = mail_body_offset(bytes);
	struct mail *m = mail_make(a, bytes, MAIL_WHOLE, NULL, 0);
	struct mail *other = mail_make(a, bytes, MAIL_WHOLE, NULL, 0);
	struct mail *header = mail_make(a, str_sub(bytes, 0, body),
	    MAIL_HEADER, NULL, 0);
	static struct rules *rules;

	if (!rules)
		rules = fuzz_rules(arena_new(), source);
	HOLDS(rules);
	HOLDS(body <= n);
	look_at_fields(m);
	look_at_body(m);
	look_at_body(other);
	look_at_fields(other);
	compare_fields(m, other);
	compare_fields(m, header);
	compare_bodies(m, other);
	look_at_html(a, bytes);
	fuzz_match(rules, bytes);
	arena_free(&a);
	return 0;
}
