# Shared by the scripts in tools/; sourced, not run.

say() { printf '%s\n' "minerva: $*" >&2; }
die() { say "$*"; exit 1; }

# The hash of what stands on standard input.
hash_of_input() { sha256sum | cut -c1-16; }

# Whether FILE holds exactly WANT: how a step knows that it was done for these very inputs.
stamp_is() { [ "$(cat ".cache/stamps/$1" 2>/dev/null)" = "$2" ]; }
set_stamp() { printf '%s\n' "$2" >".cache/stamps/$1.new" && mv ".cache/stamps/$1.new" ".cache/stamps/$1"; }

# What this processor can do: objects compiled for it are of no use on another.
cpu_hash() { grep -m1 -E '^(flags|Features)' /proc/cpuinfo | hash_of_input; }

# fetch_pinned NAME: the one file that tools/pins.txt accepts for NAME, put into .cache/downloads; prints its
# path. pip checks the hash before it opens the file.
fetch_pinned() {
  local name=$1 folder=.cache/downloads/$1 partial
  if [ ! -d "$folder" ]; then
    say "downloading $name"
    partial=$(mktemp -d ".cache/downloads/.$name.XXXXXX")
    grep "^$name==" tools/pins.txt >"$partial/requirement"
    if ! python3 -m pip --disable-pip-version-check download --quiet --no-deps --require-hashes \
      --no-binary llama-cpp-python --dest "$partial" --requirement "$partial/requirement" >&2; then
      rm -rf "$partial"
      die "could not download $name: check the network (and pip's proxy settings), then run this again"
    fi
    rm "$partial/requirement"
    mv "$partial" "$folder"
  fi
  local files=("$folder"/*)
  [ ${#files[@]} = 1 ] || die "$folder should hold one file: delete it and run this again"
  printf '%s\n' "${files[0]}"
}
