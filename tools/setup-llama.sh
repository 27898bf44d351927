# llama.cpp: its source tree in .cache/llama.cpp, its libraries in .cache/llama-build; another checkout has
# folders of its own, so that going from one to the other and back rebuilds nothing. Sourced by tools/setup.
llama=llama
[ -z "${MINERVA_LLAMA_SOURCE:-}" ] || llama=llama-other

# What the source tree is made from: the pinned archive or another checkout.
llama_source_id() {
  {
    if [ -n "${MINERVA_LLAMA_SOURCE:-}" ]; then
      (cd "$MINERVA_LLAMA_SOURCE" && pwd -P &&
        find . \( -name .git -o -name 'build*' \) -prune -o -type f -printf '%P %s %T@\n' | sort)
    else
      grep '^llama-cpp-python==' tools/pins.txt
    fi
  } | hash_of_input
}

prepare_llama_source() {
  [ -z "${MINERVA_LLAMA_SOURCE:-}" ] || [ -f "$MINERVA_LLAMA_SOURCE/include/llama.h" ] ||
    die "MINERVA_LLAMA_SOURCE=$MINERVA_LLAMA_SOURCE holds no llama.cpp source tree"
  local id
  id=$(llama_source_id)
  stamp_is $llama-source "$id" && return
  local fresh archive
  fresh=$(mktemp -d .cache/.llama.XXXXXX)
  # m: files get the time of unpacking. The archive's own times may lie in the future, and then ninja would
  # never be done.
  if [ -n "${MINERVA_LLAMA_SOURCE:-}" ]; then
    mkdir "$fresh/llama.cpp"
    tar --exclude=.git --exclude='./build*' -C "$MINERVA_LLAMA_SOURCE" -cf - . |
      tar -xmf - -C "$fresh/llama.cpp"
  else
    archive=$(fetch_pinned llama-cpp-python)
    say "unpacking llama.cpp"
    tar -xzmf "$archive" -C "$fresh" --strip-components=2 --wildcards '*/vendor/llama.cpp'
    rm -f "$fresh/llama.cpp/.git"  # points to a repository that is not there
  fi
  rm -rf ".cache/$llama.cpp" ".cache/stamps/$llama-build"
  mv "$fresh/llama.cpp" ".cache/$llama.cpp"
  rm -rf "$fresh"
  set_stamp $llama-source "$id"
}

build_llama() {
  local id place
  place="$PWD $(cpu_hash) $(g++ -dumpfullversion)"
  id=$({ echo "$place"; cat .cache/stamps/$llama-source cmake/llama/CMakeLists.txt cmake/Ccache.cmake; } |
    hash_of_input)
  stamp_is $llama-build "$id" && return
  say "building llama.cpp (once, about 4 minutes on two cores)"
  if ! stamp_is $llama-place "$place"; then  # another folder, processor or compiler: nothing can be kept
    rm -rf .cache/$llama-build
    set_stamp $llama-place "$place"
  fi
  cmake -S cmake/llama -B .cache/$llama-build -G Ninja -DCMAKE_BUILD_TYPE=Release \
    -DCMAKE_C_COMPILER=gcc -DCMAKE_CXX_COMPILER=g++ \
    -DMINERVA_LLAMA_SOURCE="$PWD/.cache/$llama.cpp" >.cache/llama-configure.log 2>&1 ||
    { tail -20 .cache/llama-configure.log >&2; die "configuring llama.cpp failed"; }
  cmake --build .cache/$llama-build >&2 || die "building llama.cpp failed"
  set_stamp $llama-build "$id"
}
