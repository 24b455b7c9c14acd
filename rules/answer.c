#include "answer.h"

struct answer answer_settled(bool yes)
{
	return (struct answer){ .truth = truth_of(yes) };
}

struct answer answer_unknown(unsigned ask, const char *why)
{
	return (struct answer){ .truth = TRUTH_UNKNOWN, .ask = ask,
	    .why = why };
}

static const char *missing_reason(unsigned bits)
{
	if (bits & RULES_ASK_FLAGS)
		return "its flags are not known";
	if (bits & RULES_ASK_LABELS)
		return "its labels are not known";
	if (bits & RULES_ASK_SIZE)
		return "its size is not known";
	if (bits & RULES_ASK_RECEIVED)
		return "when it arrived is not known";
	if (bits & RULES_ASK_FIELDS)
		return "its header is not known";
	return "its text is not known";
}

/* Those of BITS that are not known since a step before is not. */
static unsigned veiled(const struct match_input *in, unsigned bits)
{
	unsigned under = 0;

	if (!in->mail || !in->veil)
		return 0;
	if (bits & RULES_ASK_FIELDS && mail_header_veiled(in->mail))
		under |= RULES_ASK_FIELDS;
	if (bits & RULES_ASK_BODY && mail_body_veiled(in->mail))
		under |= RULES_ASK_BODY;
	return under;
}

struct answer answer_missing(const struct match_input *in, unsigned bits)
{
	unsigned ask, under = veiled(in, bits);

	if (under && under == bits)
		return answer_doubted(*in->veil);
	bits &= ~under;
	ask = bits & ~in->denied;
	/* what is here came with all fields that rules read */
	if (ask & RULES_ASK_FIELDS && in->mail)
		return answer_unknown(ask & ~(unsigned)RULES_ASK_FIELDS,
		    "its header is longer than what is looked at");
	if (ask == 0 && in->denied_reason)
		return answer_unknown(0, in->denied_reason);
	return answer_unknown(ask, missing_reason(bits));
}

void answer_add(struct answer *sum, struct answer part)
{
	struct doubt d = answer_doubt(*sum);

	doubt_add(&d, answer_doubt(part));
	*sum = answer_doubted(d);
}

struct doubt answer_doubt(struct answer a)
{
	return (struct doubt){ a.ask, a.why, a.program, a.rewrite };
}

struct answer answer_doubted(struct doubt d)
{
	return (struct answer){ TRUTH_UNKNOWN, d.ask, d.why, d.program,
	    d.rewrite };
}

void doubt_add(struct doubt *sum, struct doubt more)
{
	sum->ask |= more.ask;
	if (!sum->why)
		sum->why = more.why;
	if (!sum->program)
		sum->program = more.program;
	if (!sum->rewrite)
		sum->rewrite = more.rewrite;
}

struct answer answer_both(struct answer a, struct answer b)
{
	if (a.truth == TRUTH_FALSE || b.truth == TRUTH_TRUE)
		return a;
	if (b.truth == TRUTH_UNKNOWN && a.truth == TRUTH_UNKNOWN)
		answer_add(&b, a);
	return b;
}

struct answer answer_not(struct answer a)
{
	if (a.truth != TRUTH_UNKNOWN)
		a.truth = truth_of(a.truth == TRUTH_FALSE);
	return a;
}

unsigned ask_cheapest(unsigned ask)
{
	const unsigned facts = RULES_ASK_FLAGS | RULES_ASK_LABELS |
	    RULES_ASK_SIZE | RULES_ASK_RECEIVED;

	if (ask & facts)
		return ask & facts;
	if (ask & RULES_ASK_FIELDS)
		return RULES_ASK_FIELDS;
	if (ask & RULES_ASK_SEARCH)
		return RULES_ASK_SEARCH;
	if (ask & RULES_ASK_BODY)
		return RULES_ASK_BODY;
	return ask;
}

enum truth truth_of(bool yes)
{
	return yes ? TRUTH_TRUE : TRUTH_FALSE;
}

enum truth truth_either(enum truth a, enum truth b)
{
	if (a == TRUTH_TRUE || b == TRUTH_TRUE)
		return TRUTH_TRUE;
	return a == TRUTH_UNKNOWN || b == TRUTH_UNKNOWN ? TRUTH_UNKNOWN :
	    TRUTH_FALSE;
}

enum truth truth_both(enum truth a, enum truth b)
{
	if (a == TRUTH_FALSE || b == TRUTH_FALSE)
		return TRUTH_FALSE;
	return a == TRUTH_UNKNOWN || b == TRUTH_UNKNOWN ? TRUTH_UNKNOWN :
	    TRUTH_TRUE;
}
