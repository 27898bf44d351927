/* Opens a model and streams one answer, in C: complete_c MODEL PROMPT */
#include <minerva/minerva.h>
#include <stdio.h>

static bool print_text(const char* text, size_t size, void* user_data) {
  (void)user_data;
  return fwrite(text, 1, size, stdout) == size; /* false would cancel */
}

/* user_data: the last percentage that was printed. */
static bool print_progress(float fraction, void* user_data) {
  int* last = user_data;
  const int percent = (int)(100.0F * fraction);
  if (percent >= *last + 10) fprintf(stderr, "loading: %d %%\n", *last = percent);
  return true;
}

/* Streams the answer to one message. */
static minerva_status answer(minerva_model* model, const char* content, minerva_error** error) {
  const minerva_chat_message message = {"user", content};
  minerva_sampling_options sampling;
  minerva_generation_request request;
  minerva_generation* generation = NULL;
  minerva_text* prompt = NULL;
  minerva_status status = MINERVA_OK;

  /* Every struct that is passed in is set up first; then only what should differ is written. */
  minerva_sampling_options_init(&sampling, sizeof sampling);
  sampling.temperature.set = true;
  sampling.temperature.value = 0.0f;
  minerva_generation_request_init(&request, sizeof request);
  request.max_tokens.set = true;
  request.max_tokens.value = 128;
  request.sampling = &sampling;

  status = minerva_model_render_chat(model, &message, 1, &request, &prompt, error);
  if (status == MINERVA_OK) {
    status = minerva_model_generate(model, &request, print_text, NULL, &generation, error);
  }
  if (status == MINERVA_OK) {
    printf("\n");
    fprintf(stderr, "[%zu tokens, first after %.0f ms, ended with %s]\n", generation->tokens_count,
            generation->timings->ttft_ms, minerva_finish_reason_name(generation->finish_reason));
  }
  minerva_generation_free(generation); /* the free functions take NULL */
  minerva_text_free(prompt);
  return status;
}

int main(int argc, char** argv) {
  minerva_engine* engine = NULL;
  minerva_model* model = NULL;
  minerva_model_options options;
  minerva_error* error = NULL;
  minerva_status status = MINERVA_OK;
  int percent = 0;

  if (argc != 3) {
    fprintf(stderr, "usage: %s MODEL PROMPT\n", argv[0]);
    return 2;
  }
  if (minerva_abi_version() != MINERVA_ABI_VERSION) {
    fprintf(stderr, "libminerva %s is not what this program was compiled for\n", minerva_version());
    return 1;
  }

  minerva_model_options_init(&options, sizeof options);
  options.on_progress = print_progress;
  options.progress_data = &percent;
  status = minerva_engine_create(NULL, &engine, &error);
  if (status == MINERVA_OK) status = minerva_model_open(engine, argv[1], &options, &model, &error);
  if (status == MINERVA_OK) status = answer(model, argv[2], &error);

  if (error != NULL) fprintf(stderr, "%s\n%s\n", error->message, error->remedy);
  minerva_error_free(error);
  minerva_model_free(model);
  minerva_engine_free(engine);
  return minerva_exit_status(status);
}
