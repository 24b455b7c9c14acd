/*
 * `pgp` and `smime`: what is encrypted or signed, by its structure, and
 * whether a signature is good.
 *
 * Nothing is verified here.  The matcher is told what has been found out of
 * the message as it came, and says that it is to be asked.
 */
#include "condition.h"
#include "leaf.h"

/* -------------------------------------------------------------- compile */

struct sealed_word {
	const char *name;
	unsigned kinds;
};

#define PGP_ENCRYPTED	(SEALED_BIT(SEALED_PGP_ENCRYPTED) | \
			SEALED_BIT(SEALED_PGP_TEXT))
#define PGP_SIGNED	(SEALED_BIT(SEALED_PGP_SIGNED) | \
			SEALED_BIT(SEALED_PGP_TEXT_SIGNED))
#define PGP_INLINE	(SEALED_BIT(SEALED_PGP_TEXT) | \
			SEALED_BIT(SEALED_PGP_TEXT_SIGNED))
#define SMIME_ENCRYPTED	SEALED_BIT(SEALED_SMIME_ENCRYPTED)
#define SMIME_SIGNED	(SEALED_BIT(SEALED_SMIME_OPAQUE) | \
			SEALED_BIT(SEALED_SMIME_SIGNED))
/* What may hold a signature of either kind. */
#define CLOSED		(PGP_ENCRYPTED | SMIME_ENCRYPTED | \
			SEALED_BIT(SEALED_SMIME_OPAQUE))

static const struct sealed_word pgp_words[] = {
	{ "encrypted", PGP_ENCRYPTED },
	{ "signed", PGP_SIGNED },
	{ "inline", PGP_INLINE },
	{ "good_signature", PGP_SIGNED | CLOSED },
};

static const struct sealed_word smime_words[] = {
	{ "encrypted", SMIME_ENCRYPTED },
	{ "signed", SMIME_SIGNED },
	{ "good_signature", SMIME_SIGNED | CLOSED },
};

static const struct sealed_word *find_word(struct builder *b,
    const struct word *w, const struct node *n, struct str text)
{
	bool is_smime = w->arg == ARG_SMIME;
	const struct sealed_word *words = is_smime ? smime_words : pgp_words;
	size_t count = is_smime ? COUNT(smime_words) : COUNT(pgp_words);
	const char *names[COUNT(pgp_words)];

	for (size_t i = 0; i < count; i++) {
		if (str_eq_z(text, words[i].name))
			return &words[i];
		names[i] = words[i].name;
	}
	problem_hint(b->ps, n->pos, build_nearest(b, text, names, count),
	    "`%.*s` is nothing that `%s` knows; there are encrypted, signed, "
	    "%sgood_signature", STR_ARG(text), w->name,
	    is_smime ? "" : "inline, ");
	return NULL;
}

struct cond *sealed_build(struct builder *b, const struct word *w,
    const struct node *key, const struct node *value)
{
	const struct sealed_word *word;
	struct str text;
	struct cond *c;

	if (!build_text(b, value, w->name, &text))
		return NULL;
	word = find_word(b, w, value, text);
	if (!word)
		return NULL;
	c = cond_make(b, COND_SEALED, key->pos,
	    written(b->arena, key->text, value));
	c->word = w;
	c->sealed_kinds = word->kinds;
	c->is_smime = w->arg == ARG_SMIME;
	c->good_signature = str_eq_z(text, "good_signature");
	cond_fields(b, w->fields, c);
	return cond_close(b, c);
}

/* ---------------------------------------------------------------- match */

static struct answer by_header(struct evaluation *v, const struct cond *c,
    const struct mail *m)
{
	struct content_type type;
	unsigned sure, maybe;

	content_type_read(v->arena, mail_field_raw(m,
	    STR_LIT("Content-Type"), 0), &type);
	sealed_of_header(&type, &sure, &maybe);
	if (sure & c->sealed_kinds)
		return answer_settled(true);
	return maybe & c->sealed_kinds ?
	    answer_missing(v->in, RULES_ASK_BODY) : answer_settled(false);
}

/* Is one of the kinds there? */
static struct answer by_structure(struct evaluation *v, const struct cond *c,
    const struct mail *m)
{
	const struct sealed *s;

	if (!m || !mail_knows_field(m, STR_LIT("Content-Type")))
		return answer_missing(v->in, RULES_ASK_FIELDS);
	if (!mail_knows_body(m))
		return by_header(v, c, m);
	s = mail_sealed(m);
	if (s->kinds & c->sealed_kinds)
		return answer_settled(true);
	return s->cut ? answer_unknown(0, "it has more parts than are looked "
	    "at") : answer_settled(false);
}

static struct answer by_signature(struct evaluation *v, const struct cond *c)
{
	const struct signature_answer *a = v->in->signature;
	enum truth truth;

	if (v->in->no_signatures)
		return answer_unknown(0, v->in->no_signatures);
	if (!mail_knows_body(v->first))
		return answer_missing(v->in, RULES_ASK_BODY);
	if (!a)
		return answer_unknown(RULES_ASK_SIGNATURE,
		    "its signature has not been verified");
	truth = c->is_smime ? a->smime : a->pgp;
	if (truth == TRUTH_UNKNOWN)
		return answer_unknown(a->may_pass ? RULES_ASK_SIGNATURE : 0,
		    a->why);
	leaf_show(v, a->found);
	return answer_settled(truth == TRUTH_TRUE);
}

struct answer leaf_sealed(struct evaluation *v, const struct cond *c)
{
	struct answer a;

	if (!c->good_signature)
		return by_structure(v, c, v->in->mail);
	/* of the message as it came: what rules made of it is not what was
	 * signed; and none can be there where nothing of the kind is */
	a = by_structure(v, c, v->first);
	return a.truth == TRUTH_TRUE ? by_signature(v, c) : a;
}
