# XGrammar: its source tree in .cache/xgrammar, its library in .cache/xgrammar-build. Sourced by tools/setup.

prepare_xgrammar_source() {
  local id fresh archive
  id=$(grep '^xgrammar==' tools/pins.txt | hash_of_input)
  stamp_is xgrammar-source "$id" && return
  archive=$(fetch_pinned xgrammar)
  say "unpacking XGrammar"
  fresh=$(mktemp -d .cache/.xgrammar.XXXXXX)
  # m: as for llama.cpp. Its website, bindings and tests have no part in the build.
  tar -xzmf "$archive" -C "$fresh" --strip-components=1 --wildcards \
    '*/CMakeLists.txt' '*/LICENSE' '*/NOTICE' '*/cmake' '*/cpp' '*/include' '*/3rdparty/picojson' '*/3rdparty/dlpack'
  rm -rf .cache/xgrammar .cache/stamps/xgrammar-build
  mv "$fresh" .cache/xgrammar
  set_stamp xgrammar-source "$id"
}

build_xgrammar() {
  local id cache
  # Nothing is compiled for this very processor, but the targets file names libraries by their place: where
  # .cache really is.
  cache=$(cd .cache && pwd -P)
  id=$({ echo "$cache $(g++ -dumpfullversion)"; cat .cache/stamps/xgrammar-source cmake/xgrammar/* cmake/Ccache.cmake; } |
    hash_of_input)
  stamp_is xgrammar-build "$id" && return
  say "building XGrammar (once, about a minute on two cores)"
  rm -rf .cache/xgrammar-build
  cmake -S cmake/xgrammar -B "$cache/xgrammar-build" -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_CXX_COMPILER=g++ -DMINERVA_XGRAMMAR_SOURCE="$cache/xgrammar" >.cache/xgrammar-configure.log 2>&1 ||
    { tail -20 .cache/xgrammar-configure.log >&2; die "configuring XGrammar failed"; }
  cmake --build "$cache/xgrammar-build" >&2 || die "building XGrammar failed"
  set_stamp xgrammar-build "$id"
}
