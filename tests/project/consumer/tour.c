/* Every part of the C API on a real model, in strict C11: tour MODEL. Prints what is not as it should be. */
#include <minerva/minerva.h>
#include <stdio.h>
#include <string.h>

static int failures = 0;
static minerva_error* error = NULL;

static void check_at(bool good, const char* what, int line) {
  if (!good) {
    failures++;
    printf("tour.c:%d: %s (%s)\n", line, what, error == NULL ? "no error" : error->message);
  }
  minerva_error_free(error);
  error = NULL;
}
#define CHECK(condition) check_at((condition), #condition, __LINE__)

struct stream {
  char text[4096];
  size_t size;
  int calls_until_cancel; /* 0: never */
};

static bool collect(const char* text, size_t size, void* user_data) {
  struct stream* stream = user_data;
  if (size != strlen(text) || stream->size + size >= sizeof stream->text) return false;
  memcpy(stream->text + stream->size, text, size + 1);
  stream->size += size;
  return stream->calls_until_cancel == 0 || --stream->calls_until_cancel > 0;
}

static bool watch(float fraction, void* user_data) {
  float* last = user_data;
  *last = fraction;
  return true;
}

static bool give_up(float fraction, void* user_data) {
  (void)fraction;
  (void)user_data;
  return false;
}

static void look_at_the_file(const char* path) {
  minerva_format format = MINERVA_FORMAT_UNKNOWN;
  minerva_model_description* description = NULL;
  CHECK(minerva_detect(path, &format, &error) == MINERVA_OK);
  CHECK(format == MINERVA_FORMAT_GGUF && minerva_format_is_runnable(format));
  CHECK(minerva_describe(path, &description, &error) == MINERVA_OK);
  if (description == NULL) return;
  CHECK(strcmp(description->architecture, "llama") == 0);
  CHECK(description->weight_files_count == 1 && description->file_bytes > 0);
  CHECK(description->chat_templates_count >= 1 && description->chat_templates[0].source[0] != '\0');
  CHECK(description->bos_token_id.set && description->sampling != NULL);
  minerva_model_description_free(description);
}

static minerva_model* open_it(minerva_engine* engine, const char* path) {
  minerva_model* model = NULL;
  minerva_model_info* info = NULL;
  minerva_cancel_source* cancel = minerva_cancel_source_create();
  minerva_model_options options;
  const char* const backends[] = {"llama", "native"};
  float last = -1;

  minerva_model_options_init(&options, sizeof options);
  options.on_progress = give_up;
  CHECK(minerva_model_open(engine, path, &options, &model, &error) == MINERVA_CANCELLED && model == NULL);
  options.on_progress = watch;
  options.progress_data = &last;
  options.backends = backends;
  options.backends_count = 2;
  options.context_tokens = 512;
  options.threads = 1;
  options.cancel = cancel;
  CHECK(minerva_model_open(engine, path, &options, &model, &error) == MINERVA_OK);
  CHECK(last >= 0 && last <= 1);
  minerva_cancel_source_free(cancel);
  CHECK(minerva_model_get_info(model, &info, &error) == MINERVA_OK);
  if (info != NULL) {
    CHECK(strcmp(info->backend, "llama") == 0 && info->backend_reason[0] != '\0');
    CHECK(info->has_chat_template && info->description->vocabulary_size > 0 && info->fallbacks_count == 0);
  }
  minerva_model_info_free(info);
  return model;
}

static void text_and_back(const minerva_model* model) {
  minerva_tokens* tokens = NULL;
  minerva_text* text = NULL;
  CHECK(minerva_model_tokenize(model, "Hello, world", MINERVA_NUL_TERMINATED, false, true, &tokens, &error) ==
        MINERVA_OK);
  if (tokens == NULL) return;
  CHECK(tokens->count > 1);
  CHECK(minerva_model_detokenize(model, tokens->ids, tokens->count, false, &text, &error) == MINERVA_OK);
  CHECK(text != NULL && text->size == 12 && strcmp(text->data, "Hello, world") == 0);
  minerva_tokens_free(tokens);
  minerva_text_free(text);
  CHECK(minerva_model_tokenize(model, "\xff", 1, true, true, &tokens, &error) == MINERVA_INVALID_REQUEST);
}

/* A greedy request for a few tokens, all of it set by hand. */
static minerva_generation_request request_for(const minerva_sampling_options* sampling, uint32_t tokens) {
  minerva_generation_request request;
  minerva_generation_request_init(&request, sizeof request);
  request.sampling = sampling;
  request.max_tokens.set = true;
  request.max_tokens.value = tokens;
  request.client = "tour";
  request.priority = MINERVA_PRIORITY_HIGH;
  return request;
}

static void chat(minerva_model* model, const minerva_sampling_options* sampling) {
  const minerva_chat_message messages[] = {{"system", "Be brief."}, {"user", "Say hello."}};
  minerva_generation_request request = request_for(sampling, 12);
  minerva_text* prompt = NULL;
  minerva_generation* generation = NULL;
  struct stream stream = {"", 0, 0};
  CHECK(minerva_model_render_chat(model, messages, 2, &request, &prompt, &error) == MINERVA_OK);
  CHECK(prompt != NULL && request.prompt == prompt->data && !request.add_special);
  request.top_logprobs = 2;
  CHECK(minerva_model_generate(model, &request, collect, &stream, &generation, &error) == MINERVA_OK);
  minerva_text_free(prompt);
  if (generation == NULL) return;
  CHECK(generation->text_size > 0 && strcmp(generation->text, stream.text) == 0);
  CHECK(generation->tokens_count > 0 && generation->prompt_tokens_count > 0);
  CHECK(generation->tokens[0]->top_count == 2);
  CHECK(generation->tokens[0]->top[0].id == generation->tokens[0]->id);
  CHECK(generation->tokens[0]->logprob == generation->tokens[0]->top[0].logprob);
  CHECK(generation->timings->ttft_ms > 0 && generation->memory->weights_bytes > 0);
  minerva_generation_free(generation);
}

/* Messages as JSON; what the template has no place for is refused. */
static void chat_of_json(minerva_model* model) {
  const char* messages =
      "[{\"role\": \"user\", \"content\": \"Hi\"}, {\"role\": \"assistant\", \"content\": \"We\"}]";
  minerva_generation_request request;
  minerva_chat_options options;
  minerva_text* prompt = NULL;
  minerva_generation_request_init(&request, sizeof request);
  minerva_chat_options_init(&options, sizeof options);
  CHECK(options.add_generation_prompt);
  options.continue_final_message = "content";
  CHECK(minerva_model_render_chat_json(model, messages, MINERVA_NUL_TERMINATED, &options, &request, &prompt,
                                       &error) == MINERVA_OK);
  CHECK(prompt != NULL && prompt->size > 2 && strcmp(prompt->data + prompt->size - 2, "We") == 0);
  minerva_text_free(prompt);
  options.tools = "[{\"type\": \"function\", \"function\": {\"name\": \"f\"}}]";
  CHECK(minerva_model_render_chat_json(model, messages, MINERVA_NUL_TERMINATED, &options, &request, &prompt,
                                       &error) == MINERVA_INVALID_REQUEST &&
        prompt == NULL && strstr(error->message, "no place for tools") != NULL);
}

/* The same tokens from ids as from text; what is banned does not come; a stop string ends. */
static void complete(minerva_model* model, minerva_sampling_options* sampling) {
  minerva_generation_request request = request_for(sampling, 8);
  minerva_generation *first = NULL, *second = NULL;
  minerva_logit_bias ban = {0, 0};
  const char* stop[1];
  char word[2] = "";
  request.prompt = "One, two, three,";
  CHECK(minerva_model_generate(model, &request, NULL, NULL, &first, &error) == MINERVA_OK);
  if (first == NULL) return;
  CHECK(first->finish_reason == MINERVA_FINISH_REASON_LENGTH && first->tokens_count == 8);

  request.prompt = NULL;
  request.prompt_ids = first->prompt_tokens;
  request.prompt_ids_count = first->prompt_tokens_count;
  CHECK(minerva_model_generate(model, &request, NULL, NULL, &second, &error) == MINERVA_OK);
  CHECK(second != NULL && strcmp(first->text, second->text) == 0);
  minerva_generation_free(second);

  ban.id = first->tokens[0]->id;
  ban.bias = -1e30F;
  sampling->logit_bias = &ban;
  sampling->logit_bias_count = 1;
  CHECK(minerva_model_generate(model, &request, NULL, NULL, &second, &error) == MINERVA_OK);
  CHECK(second != NULL && second->tokens[0]->id != ban.id);
  minerva_generation_free(second);
  sampling->logit_bias_count = 0;

  word[0] = first->text[first->text_size - 1];
  stop[0] = word;
  request.stop = stop;
  request.stop_count = 1;
  CHECK(minerva_model_generate(model, &request, NULL, NULL, &second, &error) == MINERVA_OK);
  CHECK(second != NULL && second->finish_reason == MINERVA_FINISH_REASON_STOP);
  CHECK(second != NULL && strchr(second->text, word[0]) == NULL);
  minerva_generation_free(second);
  minerva_generation_free(first);
}

static void cancel_and_refuse(minerva_model* model, const minerva_sampling_options* sampling) {
  minerva_generation_request request = request_for(sampling, 64);
  minerva_cancel_source* cancel = minerva_cancel_source_create();
  minerva_generation* generation = NULL;
  struct stream stream = {"", 0, 2};
  request.prompt = "Once upon a time";
  request.ignore_eos = true;
  CHECK(minerva_model_generate(model, &request, collect, &stream, &generation, &error) == MINERVA_OK);
  CHECK(generation != NULL && generation->finish_reason == MINERVA_FINISH_REASON_CANCELLED);
  CHECK(generation != NULL && generation->tokens_count < 64);
  minerva_generation_free(generation);

  request.cancel = cancel;
  minerva_cancel_source_request(cancel);
  CHECK(minerva_model_generate(model, &request, NULL, NULL, &generation, &error) == MINERVA_OK);
  CHECK(generation != NULL && generation->finish_reason == MINERVA_FINISH_REASON_CANCELLED);
  minerva_generation_free(generation);
  minerva_cancel_source_free(cancel);

  request.cancel = NULL;
  request.max_tokens.value = 100000;
  CHECK(minerva_model_generate(model, &request, NULL, NULL, &generation, &error) == MINERVA_CONTEXT_OVERFLOW);
  CHECK(generation == NULL);
  request.max_tokens.value = 1;
  request.priority = 17;
  CHECK(minerva_model_generate(model, &request, NULL, NULL, NULL, &error) == MINERVA_INVALID_REQUEST);
}

static void keep_in_memory(minerva_engine* engine, const char* path) {
  minerva_resident_models* models = NULL;
  CHECK(minerva_engine_pin(engine, path, true, &error) == MINERVA_OK);
  CHECK(minerva_engine_resident(engine, &models, &error) == MINERVA_OK);
  if (models != NULL) {
    CHECK(models->count == 1 && models->models[0]->pinned && models->models[0]->weights_bytes > 0);
  }
  minerva_resident_models_free(models);
  CHECK(minerva_engine_pin(engine, path, false, &error) == MINERVA_OK);
  CHECK(minerva_engine_keep_alive(engine, path, 60000, &error) == MINERVA_OK);
  CHECK(minerva_engine_pin(engine, "no-such-model", true, &error) == MINERVA_INVALID_REQUEST);
  CHECK(minerva_engine_unload(engine, path, &error) == MINERVA_OK);
}

int main(int argc, char** argv) {
  minerva_engine_options options;
  minerva_sampling_options sampling;
  minerva_engine* engine = NULL;
  minerva_model* model = NULL;
  minerva_backends* backends = NULL;
  if (argc != 2) return 2;

  CHECK(minerva_abi_version() == MINERVA_ABI_VERSION);
  CHECK(strcmp(minerva_version(), MINERVA_VERSION_STRING) == 0);
  look_at_the_file(argv[1]);

  minerva_engine_options_init(&options, sizeof options);
  options.queue_max = 8;
  CHECK(minerva_engine_create(&options, &engine, &error) == MINERVA_OK);
  CHECK(minerva_engine_backends(engine, &backends, &error) == MINERVA_OK);
  CHECK(backends != NULL && backends->count >= 2);
  minerva_backends_free(backends);

  model = open_it(engine, argv[1]);
  if (model == NULL) return 1;
  text_and_back(model);
  minerva_sampling_options_init(&sampling, sizeof sampling);
  sampling.temperature.set = true; /* to 0: greedy */
  chat(model, &sampling);
  chat_of_json(model);
  complete(model, &sampling);
  cancel_and_refuse(model, &sampling);
  keep_in_memory(engine, argv[1]);

  minerva_engine_free(engine); /* the model keeps what it needs of it */
  complete(model, &sampling);
  minerva_model_free(model);
  return failures == 0 ? 0 : 1;
}
