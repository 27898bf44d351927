# Sums up a run: ctest.xml is ctest's own report, PROGRAM.xml GoogleTest's. Prints why cases were skipped, then
# "N passed, N failed, N skipped"; exits with 1 when something failed or nothing ran.

function attribute(name,    value) {
  value = $0
  if (!sub(".* " name "=\"", "", value)) return ""
  sub("\".*", "", value)
  return value
}

FNR == 1 { file = FILENAME; sub(/.*\//, "", file); sub(/\.xml$/, "", file) }

# ctest: one test is one program, or a script.
file == "ctest" && /<testcase / { program_failed[attribute("name")] = attribute("status") != "run" }

# GoogleTest: a suite's numbers; a case's reason to be skipped stands on a line of its own.
file != "ctest" && /<testsuite / {
  counted[file] = 1
  skips = attribute("skipped") + attribute("disabled")
  failures = attribute("failures") + attribute("errors")
  failed_in[file] += failures
  failed += failures; skipped += skips; passed += attribute("tests") - failures - skips
}
file != "ctest" && /<testcase / { test = attribute("classname") "." attribute("name") }
file != "ctest" && /<skipped / {
  reason = attribute("message")
  sub(/^.*&#x0A;/, "", reason)
  if (ci == "true" && reason ~ /^model missing/) { skipped--; failed++; reason = reason " (counts as failed in CI)" }
  print "skipped: " test ": " reason
}

END {
  for (program in program_failed) {
    if (!(program in counted)) { if (program_failed[program]) failed++; else passed++ }
    else if (program_failed[program] && !failed_in[program]) failed++  # died after its last case
  }
  printf "%d passed, %d failed, %d skipped\n", passed, failed, skipped
  exit failed > 0 || passed == 0
}
