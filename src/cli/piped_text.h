// Whether somebody pipes a text in.
#pragma once

namespace minerva::cli {

/// Whether standard input holds a text for this program, where it has been given another one already, so that
/// reading it is not what was asked for by name: a file that nobody has begun to read, or a pipe that
/// somebody writes to or has written to. Waits for the first byte as long as a process of the same pipeline,
/// which is not this one's ancestor, may still write; an ancestor or somebody unknown (a service, ssh) gets a
/// second. A terminal, a device and a descriptor that can't be read hold nothing.
bool is_text_piped_in();

}  // namespace minerva::cli
