//! Programs that people use at a terminal, used as people do: type, look at the screen.

mod support;

use support::session::Session;

/// A shell without files of its own.
const SHELL: &[&str] = &["bash", "--norc", "--noprofile"];

/// A shell that waits for its first line.
fn shell(columns: u16, rows: u16) -> Session {
    let session = Session::start(columns, rows, SHELL);
    session.await_last_line("ready>");
    session
}

fn leave(mut session: Session) {
    session.type_line("exit 7");
    assert_eq!(session.end(), Some(7));
}

#[test]
fn a_shell_edits_lines_and_remembers_them() {
    let mut session = shell(80, 24);
    session.type_keys("echo one three\x1b[D\x1b[D\x1b[D\x1b[D\x1b[Dtwo \r");
    session.await_line("one two three");
    // Up and down in what was typed before; the beginning of the line; a word taken out.
    session.type_keys("\x1b[A\x01\x1bd: \r");
    session.await_text("ready> :");
    session.type_keys("\x1b[A\x1b[A\r");
    session.await_screen("the line twice", |lines| {
        lines.iter().filter(|line| *line == "one two three").count() == 2
    });
    // Names are completed.
    session.type_line("clear; mkdir /tmp/some-directory");
    session.await_screen("the prompt alone", |lines| lines[0] == "ready>");
    session.type_line("cd /tmp/so\t && pwd");
    session.await_line("/tmp/some-directory");
    leave(session);
}

#[test]
fn jobs_are_interrupted_stopped_and_brought_back() {
    let mut session = shell(80, 24);
    // What a program says first shows that it runs: keys typed earlier are the shell's.
    session.type_line("sh -c 'echo begun; exec cat'");
    session.await_line("begun");
    session.type_keys("\x03");
    session.await_line("^C");
    session.await_last_line("ready>");
    session.type_line("clear; sh -c 'echo begun again; exec cat'");
    session.await_screen("only the second", |lines| lines[0] == "begun again");
    session.type_line("echoed");
    session.await_screen("it twice", |lines| lines.iter().filter(|line| *line == "echoed").count() == 2);
    session.type_keys("\x1a");
    session.await_text("[1]+  Stopped ");
    session.await_last_line("ready>");
    session.type_line("clear; jobs");
    session.await_screen("the stopped job", |lines| {
        lines[0].starts_with("[1]+  Stopped ") && lines[1] == "ready>"
    });
    session.type_line("sleep 2000 &");
    session.await_screen("the second job", |lines| lines.iter().any(|line| line.starts_with("[2] ")));
    session.await_last_line("ready>");
    session.type_line("clear; jobs");
    session.await_line("[2]-  Running                 sleep 2000 &");
    session.await_last_line("ready>");
    session.type_line("fg %1");
    session.await_last_line("sh -c 'echo begun again; exec cat'");
    session.type_line("once more");
    session.await_screen("it twice", |lines| lines.iter().filter(|line| *line == "once more").count() == 2);
    session.type_keys("\x04");
    session.await_last_line("ready>");
    // One that reads in the background is stopped.
    session.type_line("clear; cat & until jobs -s | read; do :; done; echo it is stopped");
    session.await_line("it is stopped");
    session.await_last_line("ready>");
    session.type_line("kill %sleep; kill -CONT %cat; kill %cat; wait; clear; jobs; echo none");
    session.await_screen("no jobs", |lines| lines[0] == "none" && lines[1] == "ready>");
    leave(session);
}

#[test]
fn vi_edits_a_file() {
    let mut session = shell(60, 20);
    session.type_line("vi /tmp/text");
    session.await_screen("tildes", |lines| lines.iter().filter(|line| *line == "~").count() > 10);
    session.type_keys("ifirst line\rsecond wörd\x1b");
    session.await_line("second wörd");
    session.type_keys("ggyyp:2s/first/copied/\r");
    session.await_line("copied line");
    // It follows the window.
    session.resize(70, 12);
    session.await_screen("a smaller window", |lines| {
        lines.len() == 12 && lines[3] == "~" && lines[..3] == ["first line", "copied line", "second wörd"]
    });
    session.type_keys(":wq\r");
    session.await_last_line("ready>");
    session.type_line("clear; cat -n /tmp/text; stty size");
    session.await_line("     2\tcopied line".replace('\t', "  ").as_str());
    session.await_line("12 70");
    leave(session);
}

#[test]
fn less_pages_searches_and_follows_the_window() {
    let mut session = shell(60, 12);
    session.type_line("seq 1000 | less");
    session.await_screen("a page", |lines| lines[0] == "1" && lines[10] == "11" && lines[11] == ":");
    session.type_keys(" ");
    session.await_screen("the next page", |lines| lines[0] == "12" && lines[10] == "22");
    session.type_keys("/^77$\r");
    session.await_screen("what was looked for", |lines| lines[0] == "77");
    session.type_keys("G");
    session.await_screen("the end", |lines| lines[10] == "1000" && lines[11] == "(END)");
    session.type_keys("g");
    session.await_screen("the beginning", |lines| lines[0] == "1" && lines[11] == ":");
    session.resize(60, 20);
    session.await_screen("a longer page", |lines| {
        lines.len() == 20 && lines[0] == "1" && lines[18] == "19" && lines[19] == ":"
    });
    session.type_keys("q");
    session.await_last_line("ready>");
    leave(session);
}

#[test]
fn top_refreshes_and_follows_the_window() {
    let mut session = shell(80, 24);
    session.type_line("top -d 0.2");
    let has_header = |lines: &[String]| {
        lines[0].starts_with("top - ") && lines.iter().any(|line| line.trim_start().starts_with("PID USER"))
    };
    session.await_screen("processes", |lines| {
        has_header(lines)
            && lines.iter().any(|line| line.ends_with(" bash"))
            && lines.iter().any(|line| line.ends_with(" top"))
    });
    let before = session.lines();
    session.await_screen("another moment", |lines| has_header(lines) && lines[0] != before[0]);
    session.resize(100, 30);
    session.await_screen("wider lines", |lines| has_header(lines) && lines.len() == 30);
    session.type_keys("q");
    session.await_last_line("ready>");
    session.type_line("clear; stty size");
    session.await_line("30 100");
    leave(session);
}

#[test]
fn tmux_splits_detaches_and_attaches() {
    let mut session = shell(80, 24);
    session.type_line("tmux -f /dev/null new-session env PS1='ready> ' bash --norc --noprofile");
    session.await_screen("a status line", |lines| lines[23].starts_with("[0] 0:"));
    session.await_text("ready>");
    session.type_line("echo left $((20 + 22)); stty size");
    session.await_line("left 42");
    session.await_line("23 80");
    session.type_keys("\x02%");
    session.await_screen("two panes", |lines| lines[..23].iter().all(|line| line.contains('│')));
    session.type_line("stty size");
    session.await_screen("the pane's size", |lines| lines.iter().any(|line| line.ends_with("│23 39")));
    session.type_keys("\x02d");
    session.await_text("[detached (from session 0)]");
    session.type_line("clear; tmux list-sessions; tmux attach");
    session.await_screen("both panes again", |lines| {
        lines.iter().any(|line| line.starts_with("left 42")) && lines[23].starts_with("[0] 0:")
    });
    session.type_keys("\x02&");
    session.await_text("(y/n)");
    session.type_keys("y");
    session.await_text("[exited]");
    leave(session);
}

#[test]
fn script_records() {
    let mut session = shell(80, 24);
    session.type_line("script -q /tmp/record");
    session.type_line("clear; echo rec''orded; tty");
    session.await_line("recorded");
    session.await_line("/dev/pts/1");
    session.type_line("exit");
    session.await_screen("the outer shell", |lines| {
        let typed = lines.iter().position(|line| line == "ready> exit");
        typed.is_some_and(|typed| lines[typed..].iter().any(|line| line == "ready>"))
    });
    session.type_line("clear; grep -c recorded /tmp/record");
    session.await_line("1");
    leave(session);
}

#[test]
fn hanging_up_ends_the_session() {
    let mut session = shell(80, 24);
    session.type_line("sleep 1000 & sleep 1001");
    session.await_text("[1] ");
    // Bash hands the signal on to its jobs and ends by it.
    assert_eq!(session.hang_up().code(), Some(128 + 1));
}
