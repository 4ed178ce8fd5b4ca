/* my.ops::SmoothClip for onnxruntime: y = limit * tanh(x / limit), a library as --ort-library takes.
 *
 * onnxruntime's header is not in its wheel, so the few places of its C interface that are used are
 * written out here. That interface is a table of functions that only grows at its end.
 */
#include <math.h>
#include <stddef.h>
#include <stdint.h>

enum place {
  CREATE_DOMAIN = 26,
  ADD_TO_DOMAIN = 27,
  ADD_DOMAIN = 28,
  TENSOR_DATA = 51,
  DIMENSION_COUNT = 61,
  DIMENSIONS = 62,
  ELEMENT_COUNT = 64,
  TYPE_AND_SHAPE = 65,
  FLOAT_ATTRIBUTE = 85,
  INPUT = 90,
  OUTPUT = 91,
  RELEASE_SHAPE = 99,
};
enum { API_VERSION = 7, FLOAT_TENSOR = 1, MOST_AXES = 8, LATER_MEMBERS = 32 };

typedef void (*function)(void);
typedef struct {
  const function *(*get_api)(uint32_t version);
  const char *(*get_version)(void);
} api_base;

typedef struct operator {
  uint32_t version;
  void *(*create)(const struct operator *, const function *api, const void *info);
  const char *(*name)(const struct operator *);
  const char *(*provider)(const struct operator *);
  int (*input_type)(const struct operator *, size_t);
  size_t (*input_count)(const struct operator *);
  int (*output_type)(const struct operator *, size_t);
  size_t (*output_count)(const struct operator *);
  void (*compute)(void *kernel, void *context);
  void (*destroy)(void *kernel);
  int (*input_kind)(const struct operator *, size_t);
  int (*output_kind)(const struct operator *, size_t);
  int (*input_memory)(const struct operator *, size_t);
  function later[LATER_MEMBERS]; /* all NULL: read whatever the version is, and optional */
} operator;

static const function *api;

/* The signatures of the functions in the table; each returns NULL where it went well. */
typedef void *(*create_domain_f)(const char *, void **);
typedef void *(*add_f)(void *, const void *);
typedef void *(*attribute_f)(const void *, const char *, float *);
typedef void *(*tensor_f)(void *, size_t, void **);
typedef void *(*output_f)(void *, size_t, const int64_t *, size_t, void **);
typedef void *(*pointer_f)(void *, void **);
typedef void *(*count_f)(void *, size_t *);
typedef void *(*dimensions_f)(void *, int64_t *, size_t);
typedef void (*release_f)(void *);

static float limit = 1.0f; /* one operator, and one session at a time, is all that the test needs */

static void *create(const operator *op, const function *table, const void *info) {
  (void)op;
  ((attribute_f)table[FLOAT_ATTRIBUTE])(info, "limit", &limit);
  return &limit;
}
static const char *name(const operator *op) { (void)op; return "SmoothClip"; }
static const char *provider(const operator *op) { (void)op; return NULL; }
static int type(const operator *op, size_t place) { (void)op; (void)place; return FLOAT_TENSOR; }
static size_t one(const operator *op) { (void)op; return 1; }
static int usual(const operator *op, size_t place) { (void)op; (void)place; return 0; }
static void destroy(void *kernel) { (void)kernel; }

static void compute(void *kernel, void *context) {
  void *input, *output, *shape, *from, *to;
  int64_t sizes[MOST_AXES];
  size_t axes, count;
  const float bound = *(const float *)kernel;

  ((tensor_f)api[INPUT])(context, 0, &input);
  ((pointer_f)api[TYPE_AND_SHAPE])(input, &shape);
  ((count_f)api[DIMENSION_COUNT])(shape, &axes);
  ((count_f)api[ELEMENT_COUNT])(shape, &count);
  ((dimensions_f)api[DIMENSIONS])(shape, sizes, axes);
  ((release_f)api[RELEASE_SHAPE])(shape);
  ((output_f)api[OUTPUT])(context, 0, sizes, axes, &output);
  ((pointer_f)api[TENSOR_DATA])(input, &from);
  ((pointer_f)api[TENSOR_DATA])(output, &to);
  for (size_t place = 0; place < count; place++)
    ((float *)to)[place] = bound * tanhf(((const float *)from)[place] / bound);
}

static const operator smooth_clip = {
    API_VERSION, create, name, provider, type, one, type, one, compute, destroy,
    usual, usual, usual, {NULL}};

void *RegisterCustomOps(void *session_options, const api_base *base) {
  void *domain, *failed;

  api = base->get_api(API_VERSION);
  failed = ((create_domain_f)api[CREATE_DOMAIN])("my.ops", &domain);
  if (!failed) failed = ((add_f)api[ADD_TO_DOMAIN])(domain, &smooth_clip);
  if (!failed) failed = ((add_f)api[ADD_DOMAIN])(session_options, domain);
  return failed;
}
