# System packages; sourced by tools/setup.

# install_packages LIST...: the Debian packages in tools/packages/LIST.txt that are not there yet.
install_packages() {
  local wanted missing=() package
  wanted=$(cd tools/packages && cat "${@/%/.txt}" | grep -v '^#')
  if ! command -v apt-get >/dev/null; then
    say "this is no Debian: make sure that what these packages provide is installed:" $wanted
    return
  fi
  local installed
  installed=$(dpkg-query -W -f '${db:Status-Abbrev} ${Package}\n' 2>/dev/null | awk '$1 == "ii" {print $2}')
  for package in $wanted; do
    grep -qxF "$package" <<<"$installed" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  local as_root=()
  if [ "$(id -u)" != 0 ]; then
    command -v sudo >/dev/null || die "run this as root: apt-get install ${missing[*]}"
    as_root=(sudo)
  fi
  say "installing ${missing[*]}"
  "${as_root[@]}" apt-get -qq update ||
    say "apt-get update failed; going on with the package lists that are there"
  "${as_root[@]}" env DEBIAN_FRONTEND=noninteractive \
    apt-get -qq -y --no-install-recommends install "${missing[@]}" >.cache/apt.log 2>&1 ||
    { tail -20 .cache/apt.log >&2; die "apt-get could not install these packages (log: .cache/apt.log)"; }
}
