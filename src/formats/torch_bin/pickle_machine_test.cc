#include "formats/torch_bin/pickle_machine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "base/limits.h"
#include "support/pickle_builder.h"

namespace minerva::torch_bin {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::little_endian;
using testing::PickleBuilder;
using ::testing::SizeIs;

Result<Pickled> run(const std::string& pickle) {
  static const std::string file = "w.bin";
  return run_pickle(std::as_bytes(std::span(pickle)), file);
}

void expect_refused(const std::string& pickle, std::string_view message) {
  const auto result = run(pickle);
  ASSERT_FALSE(result) << message;
  EXPECT_EQ(result.error().code, ErrorCode::ModelLoading);
  EXPECT_THAT(result.error().message, HasSubstr("'w.bin'"));
  EXPECT_THAT(result.error().message, HasSubstr(message));
  EXPECT_FALSE(result.error().remedy.empty());
}

/// A value that is sound and is not read.
void expect_unread(const std::string& pickle, std::string_view what) {
  const auto result = run(pickle);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->root.kind, Value::Kind::Other) << what;
  EXPECT_THAT(result->heap.others[result->root.index()], HasSubstr(what));
}

std::string repeated(std::string_view part, std::size_t count) {
  std::string out;
  out.reserve(part.size() * count);
  for (std::size_t i = 0; i < count; ++i) out += part;
  return out;
}

TEST(Pickle, ReadsEveryKindOfData) {
  const std::string pickle = PickleBuilder(4)
                                 .raw("\x95" + little_endian(4, 8))  // a frame
                                 .empty_list()
                                 .raw("\x94")  // MEMOIZE as 0
                                 .mark()
                                 .none()
                                 .boolean(true)
                                 .raw("K\xff")
                                 .raw("M\xff\xff")
                                 .raw("J\xff\xff\xff\xff")
                                 .integer(-5)
                                 .raw(std::string("\x8a\x00", 2))  // LONG1 of no bytes: zero
                                 .raw("\x8a\x01\x80")
                                 .raw("G" + std::string(8, '\0'))
                                 .string("text")
                                 .raw("\x8c\x02hi")
                                 .raw("\x8d" + little_endian(1, 8) + "x")
                                 .empty_tuple()
                                 .raw("N\x85")
                                 .raw("NN\x86")
                                 .raw("NNN\x87")
                                 .raw("h")
                                 .raw(std::string(1, '\0'))
                                 .raw("e")
                                 .none()
                                 .append()
                                 .finish();  // the result looks into it
  const auto result = run(pickle);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->root.kind, Value::Kind::List);
  const Heap& heap = result->heap;
  const auto& items = heap.sequences[result->root.index()];
  std::vector<std::int64_t> ints;
  for (const Value& item : items) {
    if (item.kind == Value::Kind::Int) ints.push_back(item.number);
  }
  EXPECT_THAT(ints, ElementsAre(255, 65535, -1, -5, 0, -128));
  EXPECT_THAT(heap.strings, ElementsAre("text", "hi", "x"));
  ASSERT_THAT(items, SizeIs(18));
  EXPECT_THAT(heap.sequences[items[13].index()], SizeIs(1));
  EXPECT_THAT(heap.sequences[items[15].index()], SizeIs(3));
  EXPECT_EQ(items[16].index(), result->root.index()) << "the list holds itself";
}

TEST(Pickle, ReadsATensor) {
  const auto pickle =
      PickleBuilder()
          .tensor({.key = "k", .storage_elements = 12, .offset = 1, .shape = {2, 3}, .strides = {1, 4}})
          .finish();  // the result looks into it
  const auto result = run(pickle);
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->root.kind, Value::Kind::Tensor);
  const TensorValue& tensor = result->heap.tensors[result->root.index()];
  EXPECT_EQ(tensor.dtype, DType::F32);
  EXPECT_EQ(tensor.offset, 1U);
  EXPECT_THAT(tensor.shape, ElementsAre(2, 3));
  EXPECT_THAT(tensor.strides, ElementsAre(1, 4));
  EXPECT_EQ(result->heap.storages[tensor.storage].key, "k");
}

TEST(Pickle, ReadsAParameterAndItsUnneededState) {
  const auto pickle = PickleBuilder()
                          .ordered_dict()
                          .string("w")
                          .global("torch._utils", "_rebuild_parameter")
                          .mark()
                          .tensor({.storage_elements = 1, .shape = {1}, .strides = {1}})
                          .boolean(true)
                          .ordered_dict()
                          .tuple()
                          .reduce()
                          .set_item()
                          .empty_dict()
                          .string("_metadata")
                          .ordered_dict()
                          .set_item()
                          .build();
  const auto result = run(pickle.finish());
  ASSERT_TRUE(result) << result.error().message;
  ASSERT_EQ(result->root.kind, Value::Kind::Dict);
  ASSERT_THAT(result->heap.dicts[result->root.index()].items, SizeIs(1));
  EXPECT_EQ(result->heap.dicts[result->root.index()].items[0].second.kind, Value::Kind::Tensor);
}

/// A tensor of version 3: an untyped storage of `bytes` bytes and a dtype.
PickleBuilder typed_late(std::string_view dtype, std::int64_t bytes, std::int64_t size) {
  PickleBuilder pickle;
  pickle.global("torch._utils", "_rebuild_tensor_v3").mark().storage("UntypedStorage", "0", bytes).integer(0);
  pickle.integers({size}).integers({1}).boolean(false).ordered_dict().global("torch", dtype);
  return pickle.tuple().reduce();
}

TEST(Pickle, ReadsTypesWithoutAStorageClass) {
  const auto fp8 = run(typed_late("float8_e4m3fn", 4, 4).finish());
  ASSERT_TRUE(fp8) << fp8.error().message;
  EXPECT_EQ(fp8->heap.tensors[fp8->root.index()].dtype, DType::F8_E4M3);
  const auto wide = run(typed_late("uint32", 8, 2).finish());
  ASSERT_TRUE(wide) << wide.error().message;
  expect_refused(typed_late("uint32", 8, 3).finish(), "leaves its storage of 2 elements");
  expect_refused(typed_late("uint32", 9, 2).finish(), "holds no whole number of U32");
  expect_refused(typed_late("Size", 8, 2).finish(),
                 "a tensor's type is a Python name; expected a torch.dtype");
  expect_unread(typed_late("complex64", 8, 1).finish(), "has a type that is not read");
}

TEST(Pickle, RefusesPythonNames) {
  struct Case {
    const char* module;
    const char* name;
  };
  // Where published bypasses of pickle scanners got in, and names close to allowed ones.
  for (const Case& c : {Case{"posix", "system"},
                        Case{"nt", "system"},
                        Case{"os", "system"},
                        Case{"os", "popen"},
                        Case{"builtins", "eval"},
                        Case{"builtins", "exec"},
                        Case{"builtins", "getattr"},
                        Case{"__builtin__", "eval"},
                        Case{"subprocess", "Popen"},
                        Case{"runpy", "_run_code"},
                        Case{"importlib", "import_module"},
                        Case{"pip", "main"},
                        Case{"bdb", "Bdb.run"},
                        Case{"asyncio.unix_events", "_UnixSubprocessTransport._start"},
                        Case{"torch.jit.unsupported_tensor_ops", "execWrapper"},
                        Case{"torch.utils.bottleneck.__main__", "run_prof"},
                        Case{"torch", "load"},
                        Case{"torch.storage", "_load_from_bytes"},
                        Case{"torch.hub", "load"},
                        Case{"numpy.core.multiarray", "_reconstruct"},
                        Case{"numpy.testing._private.utils", "runstring"},
                        Case{"torch._utils", "_import_dotted_name"},
                        Case{"torch", "FloatStorage.from_file"},
                        Case{"collections", "OrderedDict.__init__"},
                        Case{"collections", "ordereddict"},
                        Case{"collections ", "OrderedDict"},
                        Case{"", "OrderedDict"},
                        Case{"collections", ""},
                        Case{"torch.nn.modules.linear", "Linear"}}) {
    const std::string name = std::string(c.module) + "." + c.name;
    expect_refused(PickleBuilder().global(c.module, c.name).string("id").raw("\x85R").finish(),
                   "'" + name + "'");
    expect_refused(PickleBuilder(4).string(c.module).string(c.name).raw("\x93").finish(), "'" + name + "'");
    // Also when it is never called.
    expect_refused(PickleBuilder().empty_dict().global(c.module, c.name).finish(), "'" + name + "'");
  }
}

TEST(Pickle, RefusesInstructionsThatMakeObjects) {
  struct Case {
    std::string code;
    const char* name;
  };
  for (const Case& c : {Case{"(iposix\nsystem\n", "INST"},
                        Case{"(cposix\nsystem\no", "posix.system"},
                        Case{"(No", "OBJ"},
                        Case{"\x92", "NEWOBJ_EX"},
                        Case{"\x82\x01", "EXT1"},
                        Case{"\x83\x01\x01", "EXT2"},
                        Case{"\x84\x01\x01\x01\x01", "EXT4"},
                        Case{"Pid\n", "PERSID"},
                        Case{"N0", "POP"},
                        Case{"(1", "POP_MARK"},
                        Case{"N2", "DUP"},
                        Case{"I1\n", "INT"},
                        Case{"L1L\n", "LONG"},
                        Case{"F1\n", "FLOAT"},
                        Case{"S'a'\n", "STRING"},
                        Case{"Va\n", "UNICODE"},
                        Case{"T", "BINSTRING"},
                        Case{"(d", "DICT"},
                        Case{"(l", "LIST"},
                        Case{"g0\n", "GET"},
                        Case{"p0\n", "PUT"},
                        Case{"B", "BINBYTES"},
                        Case{"C\x01x", "SHORT_BINBYTES"},
                        Case{"\x8b", "LONG4"},
                        Case{"\x8e", "BINBYTES8"},
                        Case{"\x90", "ADDITEMS"},
                        Case{"\x91", "FROZENSET"},
                        Case{"\x96", "BYTEARRAY8"},
                        Case{"\x97", "NEXT_BUFFER"},
                        Case{"\x98", "READONLY_BUFFER"},
                        Case{"\x80\x02", "PROTO"},
                        Case{"\xff", "0xff"},
                        Case{std::string(1, '\0'), "0x00"}}) {
    expect_refused(PickleBuilder().raw(c.code).finish(), c.name);
  }
}

TEST(Pickle, CallsNothingButTheListedNames) {
  const auto call = [](auto&& callable) {
    return PickleBuilder().raw(callable).empty_tuple().reduce().finish();
  };
  expect_refused(call("N"), "calls None");
  expect_refused(call("}"), "calls a dictionary");
  expect_refused(call("X\x05" + std::string(3, '\0') + "posix"), "calls a string");
  expect_refused(call("ctorch\nFloatStorage\n"), "'torch.FloatStorage' is called");
  expect_refused(call("ctorch\nfloat32\n"), "'torch.float32' is called");
  expect_refused(call("ctorch.storage\nUntypedStorage\n"), "'torch.storage.UntypedStorage' is called");
  expect_refused(PickleBuilder().global("collections", "OrderedDict").none().reduce().finish(), "with None");
  expect_refused(PickleBuilder().global("collections", "OrderedDict").raw("N\x85").reduce().finish(),
                 "made of something else than pairs");
}

TEST(Pickle, SetsNoStateButThatOfAnOrderedDict) {
  expect_refused(PickleBuilder().empty_dict().empty_dict().build().finish(),
                 "sets the state of a dictionary");
  expect_refused(PickleBuilder().empty_list().empty_dict().build().finish(), "sets the state of a list");
  expect_refused(PickleBuilder().global("torch", "FloatStorage").empty_dict().build().finish(),
                 "sets the state of a Python name");
  expect_refused(PickleBuilder().ordered_dict().none().build().finish(), "to None");
  expect_refused(PickleBuilder().ordered_dict().raw("N}\x86").build().finish(), "to a tuple");
}

TEST(Pickle, RefusesOtherPersistentIds) {
  const auto id = [](auto&& fill) {
    PickleBuilder pickle;
    pickle.mark();
    fill(pickle);
    return pickle.tuple().persistent_id().finish();
  };
  expect_refused(PickleBuilder().string("storage").persistent_id().finish(), "a persistent id is a string");
  expect_refused(id([](auto& p) { p.string("storage"); }), "a persistent id is not ('storage'");
  expect_refused(id([](auto& p) { p.string("module").string("a").string("b").string("c").none(); }),
                 "a persistent id is not ('storage'");
  expect_refused(id([](auto& p) { p.string("storage").string("x").string("0").string("cpu").integer(1); }),
                 "a storage's type is a string");
  expect_refused(
      id([](auto& p) {
        p.string("storage").global("collections", "OrderedDict").string("0").string("cpu").integer(1);
      }),
      "a storage's type is 'collections.OrderedDict'");
  expect_refused(id([](auto& p) {
                   p.string("storage").global("torch", "FloatStorage").integer(0).string("cpu").integer(1);
                 }),
                 "a storage's key is an integer");
  expect_refused(
      id([](auto& p) { p.string("storage").global("torch", "FloatStorage").string("0").none().integer(1); }),
      "a storage's location is None");
  expect_refused(id([](auto& p) {
                   p.string("storage").global("torch", "FloatStorage").string("0").string("cpu").integer(-1);
                 }),
                 "element count is -1");
}

TEST(Pickle, KeepsTensorsInTheirStorage) {
  constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();
  struct Case {
    PickleBuilder::Tensor tensor;
    const char* message;  // null: allowed
  };
  const std::vector<Case> cases = {
      {{.storage_elements = 6, .shape = {2, 3}, .strides = {3, 1}}, nullptr},
      {{.storage_elements = 6, .shape = {3, 2}, .strides = {1, 3}}, nullptr},
      {{.storage_elements = 6, .offset = 5, .shape = {}, .strides = {}}, nullptr},
      {{.storage_elements = 6, .offset = 6, .shape = {}, .strides = {}}, "leaves its storage of 6"},
      {{.storage_elements = 6, .offset = 6, .shape = {0, 9}, .strides = {kMax, kMax}}, nullptr},
      {{.storage_elements = 6, .offset = 7, .shape = {0}, .strides = {1}}, "leaves its storage"},
      {{.storage_elements = 0, .shape = {0}, .strides = {1}}, nullptr},
      {{.storage_elements = 0, .shape = {1}, .strides = {1}}, "leaves its storage"},
      {{.storage_elements = 6, .shape = {1, 6}, .strides = {kMax, 1}}, nullptr},  // one row: never stepped
      {{.storage_elements = 6, .offset = 1, .shape = {2, 3}, .strides = {3, 1}}, "leaves its storage"},
      {{.storage_elements = 6, .shape = {2, 3}, .strides = {4, 1}}, "leaves its storage"},
      {{.storage_elements = 6, .shape = {2, 2}, .strides = {kMax, kMax}}, "leaves its storage"},
      {{.storage_elements = 6, .shape = {kMax, kMax}, .strides = {1, 1}}, "leaves its storage"},
      {{.storage_elements = 6, .shape = {kMax, kMax}, .strides = {0, 0}}, "leaves its storage"},
      {{.storage_elements = 6, .shape = {0, kMax, kMax}, .strides = {1, 1, 1}}, "leaves its storage"},
      {{.storage_elements = 6, .offset = kMax, .shape = {2}, .strides = {kMax}}, "leaves its storage"},
      {{.storage_elements = 6, .shape = {7}, .strides = {0}}, nullptr},
      {{.storage_elements = 6, .shape = {4, 2}, .strides = {1, 1}}, nullptr},
      {{.storage_elements = 6, .shape = {2, 3}, .strides = {1}}, "2 dimensions but 1 strides"},
      {{.storage_elements = 6, .shape = {-1}, .strides = {1}}, "a tensor's shape is -1"},
      {{.storage_elements = 6, .offset = 5, .shape = {6}, .strides = {-1}}, "a tensor's strides is -1"},
      {{.storage_elements = 6, .offset = -1, .shape = {1}, .strides = {1}},
       "a tensor's storage offset is -1"},
      {{.storage_elements = -6, .shape = {1}, .strides = {1}}, "element count is -6"},
      {{.storage_elements = 6,
        .shape = std::vector<std::int64_t>(17, 1),
        .strides = std::vector<std::int64_t>(17, 1)},
       "has 17 numbers; at most 16"},
      {{.storage_elements = 6, .shape = {1}, .strides = {1}, .type = "UntypedStorage"}, "lacks its type"},
  };
  for (std::size_t i = 0; i < cases.size(); ++i) {
    SCOPED_TRACE(i);
    const std::string pickle = PickleBuilder().tensor(cases[i].tensor).finish();
    if (cases[i].message != nullptr) {
      expect_refused(pickle, cases[i].message);
    } else {
      EXPECT_TRUE(run(pickle)) << run(pickle).error().message;
    }
  }
}

TEST(Pickle, RefusesTensorsMadeOfOtherArguments) {
  const auto with = [](auto&& fill) {
    PickleBuilder pickle;
    pickle.global("torch._utils", "_rebuild_tensor_v2").mark();
    fill(pickle);
    return pickle.tuple().reduce().finish();
  };
  expect_refused(with([](auto&) {}), "made of 0 arguments");
  expect_refused(with([](auto& p) { p.none().none().none().none().none().none(); }), "storage is None");
  expect_refused(
      with([](auto& p) {
        p.storage("FloatStorage", "0", 1).string("0").integers({}).integers({}).boolean(false).none();
      }),
      "storage offset is a string");
  expect_refused(
      with([](auto& p) {
        p.storage("FloatStorage", "0", 1).integer(0).string("1").integers({}).boolean(false).none();
      }),
      "a tensor's shape is a string");
  expect_refused(
      with([](auto& p) {
        p.storage("FloatStorage", "0", 1).integer(0).raw("N\x85").integers({1}).boolean(false).none();
      }),
      "a tensor's shape is None");
  expect_refused(with([](auto& p) {
                   p.storage("FloatStorage", "0", 1).integer(0).integers({}).integers({}).integer(0).none();
                 }),
                 "requires_grad is an integer");
  expect_unread(with([](auto& p) {
                  p.storage("FloatStorage", "0", 1).integer(0).integers({}).integers({}).boolean(false);
                  p.empty_dict().none().none().set_item();
                }),
                "backward hooks");
  expect_unread(
      with([](auto& p) {
        p.storage("FloatStorage", "0", 1).integer(0).integers({}).integers({}).boolean(false).none();
        p.empty_dict().string("neg").boolean(true).set_item();
      }),
      "metadata");
}

TEST(Pickle, TakesWhatTorchTakesAndNobodyReads) {
  expect_unread(PickleBuilder().global("torch", "device").string("cpu").raw("\x85R").finish(),
                "is made by 'torch.device'");
  expect_unread(PickleBuilder().global("torch.nn.parameter", "Parameter").raw(")\x81}b").finish(),
                "is a 'torch.nn.parameter.Parameter'");
  expect_unread(PickleBuilder().raw("\x8f").finish(), "is a set");
  expect_unread(PickleBuilder().raw("\x8a\x0d" + std::string(13, '\1')).finish(),
                "an integer beyond 64 bits");
  expect_unread(
      PickleBuilder()
          .tensor({.storage_elements = 1, .shape = {1}, .strides = {1}, .type = "ComplexFloatStorage"})
          .finish(),
      "is stored as 'torch.ComplexFloatStorage'");
  expect_refused(PickleBuilder().global("torch", "FloatStorage").raw(")\x81").finish(), "makes an object of");
  expect_refused(PickleBuilder().string("x").raw(")\x81").finish(), "makes an object of a string");
  const std::string bytes = PickleBuilder().raw("U\x02hi").finish();  // the heap refers to it
  const auto old_string = run(bytes);
  ASSERT_TRUE(old_string) << old_string.error().message;
  EXPECT_EQ(old_string->heap.strings[old_string->root.index()], "hi");
}

TEST(Pickle, ReadsTensorsWithAttributes) {
  const auto attributed = [](std::string_view module, std::string_view function) {
    return PickleBuilder()
        .global("torch._tensor", "_rebuild_from_type_v2")
        .mark()
        .global(module, function)
        .global("torch", "Tensor")
        .mark()
        .storage("FloatStorage", "0", 6)
        .integer(0)
        .integers({2, 3})
        .integers({3, 1})
        .boolean(false)
        .ordered_dict()
        .tuple()
        .empty_dict()
        .tuple()
        .reduce()
        .finish();
  };
  const auto tensor = run(attributed("torch._utils", "_rebuild_tensor_v2"));
  ASSERT_TRUE(tensor) << tensor.error().message;
  EXPECT_EQ(tensor->root.kind, Value::Kind::Tensor);
  expect_unread(attributed("torch._utils", "_rebuild_sparse_tensor"), "_rebuild_sparse_tensor");
  expect_refused(attributed("torch._tensor", "_rebuild_from_type_v2"), "is made of another");
  expect_refused(attributed("posix", "system"), "'posix.system'");
}

TEST(Pickle, BoundsWhatRepeatsAFewNumbers) {
  const auto expanded = [](std::int64_t count) {
    return PickleBuilder().tensor({.storage_elements = 1, .shape = {count}, .strides = {0}}).finish();
  };
  EXPECT_EQ(run(expanded(1 << 24))->root.kind, Value::Kind::Tensor);
  expect_unread(expanded((1 << 24) + 1), "repeats 1 stored numbers as 16777217");
}

TEST(Pickle, BoundsDictionariesMadeOfOneListAgainAndAgain) {
  const std::string pair = "]NaNa";  // [None, None]
  const std::string pickle =
      PickleBuilder()
          .raw("]q" + std::string(1, '\0') + "(" + repeated(pair, 1000) + "e")
          .raw("}")
          .raw(repeated("Nccollections\nOrderedDict\nh" + std::string(1, '\0') + "\x85Rs", 3000))
          .finish();
  expect_refused(pickle, "too many entries");
}

TEST(Pickle, RefusesWhatIsNoPickle) {
  expect_refused("", "it ends in the middle");
  expect_refused("\x80", "it ends in the middle");
  expect_refused("N.", "does not begin with its protocol");
  expect_refused(PickleBuilder(1).none().finish(), "its protocol is 1");
  expect_refused(PickleBuilder(6).none().finish(), "its protocol is 6");
  expect_refused(PickleBuilder().finish(), "more or less than one value");
  expect_refused(PickleBuilder().none().none().finish(), "more or less than one value");
  expect_refused(PickleBuilder().none().mark().finish(), "more or less than one value");
  expect_refused(PickleBuilder().none().finish() + "N", "1 bytes follow its end");
  expect_refused(PickleBuilder().raw("u").finish(), "a mark is missing");
  expect_refused(PickleBuilder().empty_dict().mark().none().set_items().finish(), "a key without a value");
  expect_refused(PickleBuilder().none().mark().none().none().set_items().finish(),
                 "None is used as a dictionary");
  expect_refused(PickleBuilder().empty_dict().none().append().finish(), "a dictionary is used as a list");
  expect_refused(PickleBuilder().none().mark().raw("\x86").finish(), "takes more values than there are");
  expect_refused(PickleBuilder().none().mark().reduce().finish(), "takes more values than there are");
  expect_refused(PickleBuilder().get(3).finish(), "it recalls value 3");
  expect_refused(PickleBuilder().put(3).finish(), "takes more values than there are");
  expect_refused(PickleBuilder().raw("\x95" + little_endian(~0ULL, 8)).none().finish(), "a frame of");
  expect_refused(PickleBuilder().raw("X" + little_endian(0xFFFFFFFF, 4)).finish(),
                 "a string of 4294967295 bytes is cut");
  expect_refused(PickleBuilder().raw("\x8d" + little_endian(~0ULL, 8)).finish(), "is cut");
  expect_refused(PickleBuilder().string("\xff").finish(), "not valid UTF-8");
  expect_refused(PickleBuilder().raw("\x8a\x09" + std::string(7, '\1')).finish(),
                 "a string of 9 bytes is cut");
  expect_refused(PickleBuilder().raw("ccollections\nOrderedDict").finish(), "a name does not end");
  expect_refused(PickleBuilder(4).none().string("x").raw("\x93").finish(), "of something else than strings");
}

TEST(Pickle, LimitsWhatItDoes) {
  expect_refused(PickleBuilder().raw(std::string(1'000'000, '(')).finish(), "nested deeper than 256");
  expect_refused(PickleBuilder().raw(std::string(1'000'000, ']')).finish(), "stack grows beyond 65536");
  expect_refused(PickleBuilder().raw(std::string(1'000'000, '}')).finish(), "stack grows beyond 65536");
  expect_refused(PickleBuilder().none().raw(repeated("\x85", limits::kPickleOpcodeCountMax)).finish(),
                 "more than 2000000 instructions");
  const std::string long_text(limits::kPickleStringBytesMax + 1, 'x');
  expect_refused(PickleBuilder().string(long_text).finish(), "at most 65536 are read");
  expect_refused(PickleBuilder().global(long_text, "x").finish(), "a name does not end");
}

TEST(Pickle, NestingItDoesNotFollowIsFine) {
  // A tuple in a tuple, a million times; and each holding the one before it twice (2^1000 if expanded).
  EXPECT_TRUE(run(PickleBuilder().none().raw(std::string(1'000'000, '\x85')).finish()));
  std::string doubling;
  for (int i = 0; i < 1000; ++i) doubling += PickleBuilder().put(1).get(1).raw("\x86").finish().substr(2, 11);
  const auto result = run(PickleBuilder().none().raw(doubling).finish());
  EXPECT_TRUE(result) << result.error().message;
}

TEST(Pickle, RefusesEveryTruncation) {
  const std::string pickle = PickleBuilder()
                                 .empty_dict()
                                 .mark()
                                 .string("w")
                                 .tensor({.storage_elements = 2, .shape = {2}, .strides = {1}})
                                 .put(7)
                                 .set_items()
                                 .finish();
  ASSERT_TRUE(run(pickle));
  for (std::size_t size = 0; size < pickle.size(); ++size) EXPECT_FALSE(run(pickle.substr(0, size))) << size;
}

}  // namespace
}  // namespace minerva::torch_bin
