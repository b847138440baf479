/* Opening model files. */
#include "cmd/loaded.h"

#include <string.h>

#include "cmd/cmd.h"
#include "nn/ckpt.h"

int loaded_vocab(struct vocab *v, const struct tensorfile *f, struct err *e)
{
	const char *unit = tf_meta(f, "unit"), *list = tf_meta(f, "vocab");
	if (!list)
		return err_set(e, "not a model: __metadata__ lacks \"vocab\"");
	for (int u = 0; unit_names[u]; u++)
		if (!unit || strcmp(unit_names[u], unit) == 0)
			return vocab_from_json(v, (enum unit)u, list, strlen(list), e) ? err_wrap(e, "vocabulary") : 0;
	return err_set(e, "unknown unit \"%.40s\"", unit);
}

int loaded_open(struct loaded *l, const char *given, struct err *e)
{
	bool bundled;
	*l = (struct loaded){0};
	if (cmd_model_path(given, &l->path, &bundled, e))
		return -1;
	if (tf_open(&l->file, l->path, e)) /* names the file itself */
		goto fail;
	if (ckpt_load(&l->file, &l->model, e) || loaded_vocab(&l->vocab, &l->file, e)) {
		err_wrap(e, "%s", l->path);
		goto fail;
	}
	if ((int)l->vocab.size != l->model.cfg.vocab) {
		err_set(e, "%s: the vocabulary has %u symbols, the output layer %d", l->path,
		        (unsigned)l->vocab.size, l->model.cfg.vocab);
		goto fail;
	}
	return 0;
fail:
	loaded_close(l);
	return -1;
}

void loaded_precision(struct loaded *l, int choice)
{
	if (choice)
		l->model.cfg.precision = cmd_precision(choice);
}

void loaded_close(struct loaded *l)
{
	mem_free(l->path);
	tf_close(&l->file);
	model_free(&l->model);
	vocab_free(&l->vocab);
	*l = (struct loaded){0};
}
