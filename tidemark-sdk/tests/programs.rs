//! Programs as an application starts, watches and ends them: Debian's busybox in the guest.

mod support;

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use futures::{AsyncReadExt, AsyncWriteExt, StreamExt, TryStreamExt};
use support::{sh, with_busybox};
use tidemark_sdk::{
    Config, Gone, News, OutputError, Overflow, ProcessEvent, ProcessInfo, ProcessState, Resource,
    SignalError, SpawnError, Stdio, Tidemark, WriteError,
};

fn sandbox() -> Tidemark {
    with_busybox(Config::default())
}

/// The standard output of a script, which must succeed.
async fn told(tidemark: &Tidemark, script: &str) -> String {
    let output = sh(tidemark, script).output().await.unwrap();
    assert!(output.status.success(), "{script}: {} {:?}", output.status, output.stderr);
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn options_reach_the_program() {
    let tidemark = sandbox();
    block_on(async {
        tidemark.files().create_dir_all("/home/ann").await.unwrap();
        let script = "pwd; echo $HOME $USER; id -u; id -g; id -G; umask; ulimit -n; echo $A-$B; awk '{print $19}' /proc/self/stat";
        let mut command = sh(&tidemark, script);
        command.current_dir("/home/ann").user("ann").umask(0o077).rlimit(Resource::Descriptors, 33, 44);
        command.env("A", "1").env("B", "2").env_remove("A").nice(7);
        let output = command.output().await.unwrap();
        let expected = "/home/ann\n/home/ann ann\n1000\n100\n100 50\n0077\n33\n-2\n7\n";
        assert_eq!(String::from_utf8_lossy(&output.stdout), expected);
        let output = sh(&tidemark, "id -u; id -G; echo $HOME").user("77:staff").output().await.unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stdout), "77\n50\n/root\n");
        let output = sh(&tidemark, "echo $HOME").user("ann").env("HOME", "/").output().await.unwrap();
        assert_eq!(output.stdout, b"/\n");
        let output = sh(&tidemark, "echo $HOME,$USER").env_clear().user("ann").output().await.unwrap();
        assert_eq!(output.stdout, b",\n");
        assert!(matches!(
            sh(&tidemark, "").user("bob").spawn().await,
            Err(SpawnError::NoSuchUser { user }) if user == "bob"
        ));
    });
}

#[test]
fn a_program_whose_time_is_over_ends_with_what_it_started() {
    let tidemark = sandbox();
    block_on(async {
        // One that ends at SIGTERM.
        let begin = Instant::now();
        let mut command = sh(&tidemark, "sleep 100 & sleep 100");
        let output = command.timeout(Duration::from_millis(200)).output().await.unwrap();
        assert_eq!((output.status.signal(), output.timed_out), (Some(15), true));
        // One that does not, and whose child does not either.
        let mut command =
            sh(&tidemark, "trap '' TERM; (trap '' TERM; while :; do sleep 1; done) & echo up; wait; wait");
        command.timeout(Duration::from_millis(200)).kill_after(Duration::from_millis(200));
        let output = command.output().await.unwrap();
        assert_eq!((output.status.signal(), output.timed_out), (Some(9), true));
        assert_eq!(output.stdout, b"up\n");
        // One that cleans up.
        let mut command = sh(&tidemark, "trap 'echo bye; exit 3' TERM; sleep 100 & wait");
        let output = command.timeout(Duration::from_millis(200)).output().await.unwrap();
        assert_eq!((output.status.code(), output.timed_out), (Some(3), true));
        assert_eq!(output.stdout, b"bye\n");
        // A stopped one.
        let output =
            sh(&tidemark, "kill -STOP $$").timeout(Duration::from_millis(200)).output().await.unwrap();
        assert_eq!((output.status.signal(), output.timed_out), (Some(15), true));
        assert!(begin.elapsed() < Duration::from_secs(30));
        // One that is quicker.
        let output = sh(&tidemark, "exit 4").timeout(Duration::from_secs(100)).output().await.unwrap();
        assert_eq!((output.status.code(), output.timed_out), (Some(4), false));
        assert_nothing_is_left(&tidemark).await;
    });
}

#[test]
fn output_is_kept_up_to_a_bound() {
    let tidemark = sandbox();
    block_on(async {
        let many = "head -c 300000 /dev/zero; echo error >&2; exit 5";
        let output = sh(&tidemark, many).max_output(1000, Overflow::Discard).output().await.unwrap();
        assert_eq!((output.stdout.len(), output.truncated, output.status.code()), (1000, true, Some(5)));
        assert_eq!(output.stderr, b"error\n");
        let output = sh(&tidemark, many).max_output(300_000, Overflow::Kill).output().await.unwrap();
        assert_eq!((output.stdout.len(), output.truncated), (300_000, false));
        let endless = "yes & yes >&2";
        let output = sh(&tidemark, endless).max_output(1000, Overflow::Kill).output().await.unwrap();
        // Whichever of the two came first.
        assert_eq!((output.stdout.len().max(output.stderr.len()), output.truncated), (1000, true));
        assert_eq!(output.status.signal(), Some(9));
        assert_nothing_is_left(&tidemark).await;
    });
}

#[test]
fn callbacks_get_everything_before_the_end() {
    let tidemark = sandbox();
    block_on(async {
        let (out, err) = (Arc::new(Mutex::new(Vec::new())), Arc::new(Mutex::new(Vec::new())));
        let (to_out, to_err) = (Arc::clone(&out), Arc::clone(&err));
        let mut command = sh(&tidemark, "seq 40000; echo problem >&2");
        command.stdin(Stdio::null());
        command.on_stdout(move |bytes| to_out.lock().unwrap().extend_from_slice(bytes));
        command.on_stderr(move |bytes| to_err.lock().unwrap().extend_from_slice(bytes));
        let child = command.spawn().await.unwrap();
        assert!(child.stdout.is_none() && child.stderr.is_none());
        assert!(child.wait().await.unwrap().success());
        let expected: String = (1..=40_000).map(|number| format!("{number}\n")).collect();
        assert!(*out.lock().unwrap() == expected.as_bytes());
        assert_eq!(*err.lock().unwrap(), b"problem\n");
    });
}

#[test]
fn streams_are_readers_and_writers() {
    let tidemark = sandbox();
    block_on(async {
        let mut child = sh(&tidemark, "cat; echo end").spawn().await.unwrap();
        let (mut stdin, mut stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        let bytes: Vec<u8> = (0..500_000u32).map(|n| (n % 253) as u8).collect();
        // More than the pipe holds: both at once.
        let write = async {
            stdin.write_all(bytes.clone()).await.unwrap();
            AsyncWriteExt::write_all(&mut stdin, b"and more").await.unwrap();
            AsyncWriteExt::close(&mut stdin).await.unwrap();
        };
        let read = async {
            let mut first = vec![0; 7];
            stdout.read_exact(&mut first).await.unwrap();
            first.extend(stdout.read_to_end().await.unwrap());
            first
        };
        let ((), read) = futures::join!(write, read);
        assert!(read == [&bytes[..], b"and moreend\n"].concat());
        assert!(child.wait().await.unwrap().success());
        // As a stream, and what is not read makes the program wait.
        let mut child = sh(&tidemark, "seq 100000; echo done > /tmp/done").spawn().await.unwrap();
        let mut stdout = child.stdout.take().unwrap();
        let first = stdout.next().await.unwrap().unwrap();
        assert!(first.starts_with(b"1\n2\n"));
        assert_eq!(tidemark.processes().await.unwrap().len(), 3, "they wait");
        assert!(!tidemark.files().exists("/tmp/done").await.unwrap());
        let rest: Vec<_> = stdout.try_collect().await.unwrap();
        assert!(rest.concat().ends_with(b"99999\n100000\n"));
        assert!(child.wait().await.unwrap().success());
        // Nobody reads.
        let mut child = sh(&tidemark, "exec <&-; sleep 100").spawn().await.unwrap();
        let mut stdin = child.stdin.take().unwrap();
        let error = loop {
            if let Err(error) = stdin.write_all("x").await {
                break error;
            }
        };
        assert_eq!(error, WriteError::Closed { taken: 0 });
        child.kill().await.unwrap();
        child.wait().await.unwrap();
        assert_eq!(child.signal(15).await, Err(SignalError::Ended));
    });
}

#[test]
fn programs_are_piped_and_redirected() {
    let tidemark = sandbox();
    block_on(async {
        let (reader, writer) = tidemark.pipe().await.unwrap();
        let seq = sh(&tidemark, "seq 100000").stdout(writer).spawn().await.unwrap();
        let mut last = sh(&tidemark, "tail -n 1; ps -o pgid= | sort -u | wc -l");
        let output = last.stdin(reader).beside(&seq).output().await;
        drop(last);
        assert_eq!(output.unwrap().stdout, b"100000\n2\n", "process 1's group and theirs");
        assert!(seq.wait().await.unwrap().success());
        // A reader that ends gives the writer SIGPIPE.
        let (reader, writer) = tidemark.pipe().await.unwrap();
        let yes = sh(&tidemark, "exec yes").stdout(writer).spawn().await.unwrap();
        let output = sh(&tidemark, "head -n 1").stdin(reader).output().await.unwrap();
        assert_eq!(output.stdout, b"y\n");
        assert_eq!(yes.wait().await.unwrap().signal(), Some(13));
        drop((seq, yes));
        // Files.
        for _ in 0..2 {
            let mut command = sh(&tidemark, "echo out; echo err >&2");
            command.stdout(Stdio::write_to("/tmp/out")).stderr(Stdio::append_to("/tmp/err"));
            let child = command.spawn().await.unwrap();
            assert!(child.wait().await.unwrap().success());
        }
        assert_eq!(told(&tidemark, "cat /tmp/out /tmp/err").await, "out\nerr\nerr\n");
        let output = sh(&tidemark, "cat").stdin(Stdio::read_from("/tmp/err")).output().await.unwrap();
        assert_eq!(output.stdout, b"err\nerr\n");
        let refused = sh(&tidemark, "cat").stdin(Stdio::read_from("/absent")).spawn().await;
        let error = refused.err().unwrap().to_string();
        assert_eq!(error, "cannot open /absent in the guest for a standard stream: ENOENT");
        assert_nothing_is_left(&tidemark).await;
    });
}

#[test]
fn what_is_dropped_is_killed_if_it_is_to_be() {
    let tidemark = sandbox();
    block_on(async {
        let mut events = tidemark.process_events();
        let spawn = sh(&tidemark, "sleep 100 & sleep 100").kill_on_drop(true).spawn().await.unwrap();
        drop(spawn);
        let mut killed = 0;
        while killed < 2 {
            if let Some(News::Item(ProcessEvent::Exited { status, .. })) = events.next().await {
                assert_eq!(status, tidemark_sdk::Ended::Signal { number: 9, core: false });
                killed += 1;
            }
            if tidemark.processes().await.unwrap().len() == 1 {
                break;
            }
        }
        assert_nothing_is_left(&tidemark).await;
        // Otherwise it goes on.
        drop(sh(&tidemark, "sleep 0.2; echo > /tmp/went-on").stdout(Stdio::null()).spawn().await.unwrap());
        assert_eq!(told(&tidemark, "sleep 0.5; ls /tmp/went-on").await, "/tmp/went-on\n");
    });
}

#[test]
fn results_say_what_was_used() {
    let tidemark = sandbox();
    block_on(async {
        let child = sh(&tidemark, "i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done; kill -SEGV $$");
        let result = child.spawn().await.unwrap().wait_result().await.unwrap();
        assert_eq!((result.status.signal(), result.status.core_dumped()), (Some(11), false));
        assert!(result.usage.instructions > 20_000 * 50, "{:?}", result.usage);
        assert!(result.usage.cpu > Duration::from_micros(100), "{:?}", result.usage);
        assert!((100 << 10..100 << 20).contains(&result.usage.peak_memory), "{:?}", result.usage);
        assert!(result.usage.page_faults > 10 && !result.timed_out);
        let mut command = sh(&tidemark, "kill -SEGV $$");
        command.rlimit(Resource::Core, u64::MAX, u64::MAX);
        let status = command.spawn().await.unwrap().wait().await.unwrap();
        assert!(status.core_dumped(), "{status}");
    });
}

#[test]
fn processes_are_listed_and_told_of() {
    let tidemark = sandbox();
    block_on(async {
        let mut events = tidemark.process_events();
        let mut command = sh(&tidemark, "sleep 1000 & read line; kill %1; wait");
        let mut child = command.user("ann").spawn().await.unwrap();
        let list = loop {
            let list = tidemark.processes().await.unwrap();
            let sleeps = |sleep: &ProcessInfo| {
                sleep.state == ProcessState::Sleeping
                    && sleep.arguments.first().is_some_and(|name| name == b"sleep")
            };
            if list.len() == 3 && sleeps(&list[2]) {
                break list;
            }
        };
        let (init, shell, sleep) = (&list[0], &list[1], &list[2]);
        assert_eq!((init.pid, init.parent, &init.name[..], init.threads), (1, 0, &b"init"[..], 0));
        assert_eq!((shell.pid, shell.parent, shell.uid, shell.gid), (child.id(), 1, 1000, 100));
        assert_eq!(
            shell.arguments[1..],
            [b"sh".to_vec(), b"-c".into(), b"sleep 1000 & read line; kill %1; wait".into()]
        );
        assert_eq!((sleep.parent, sleep.group, sleep.session), (shell.pid, shell.pid, shell.pid));
        assert!(shell.resident > 0 && shell.mapped >= shell.resident && shell.cpu > 0);
        child.stdin.take().unwrap().write_all("\n").await.unwrap();
        assert!(child.wait().await.unwrap().signal().is_none());
        let mut seen = Vec::new();
        while !seen.ends_with(&["exited shell"]) {
            let Some(News::Item(event)) = events.next().await else { panic!("{seen:?}") };
            let who = |pid: tidemark_sdk::Pid| if pid.get() == child.id() { "shell" } else { "sleep" };
            seen.push(match event {
                ProcessEvent::Started { pid, .. } if who(pid) == "shell" => "started shell",
                ProcessEvent::Started { .. } => "started sleep",
                ProcessEvent::Executed { pid, .. } if who(pid) == "shell" => "executed shell",
                ProcessEvent::Executed { .. } => "executed sleep",
                ProcessEvent::Exited { pid, .. } if who(pid) == "shell" => "exited shell",
                ProcessEvent::Exited { .. } => "exited sleep",
                _ => "other",
            });
        }
        assert_eq!(seen[..3], ["started shell", "executed shell", "started sleep"]);
        assert_eq!(seen[seen.len() - 2..], ["exited sleep", "exited shell"]);
        tidemark.shutdown().await;
        assert_eq!(events.next().await, None);
    });
}

#[test]
fn process_1_reaps_and_is_deaf() {
    let tidemark = sandbox();
    block_on(async {
        let mut events = tidemark.process_events();
        // An orphan: its parent ends at once.
        let script = "(sh -c 'sleep 0.1; echo $(awk \"{print \\$4}\" /proc/$$/stat)' &) ; kill -TERM 1; kill -9 1; kill -0 1 && echo alive";
        assert_eq!(told(&tidemark, script).await, "alive\n1\n");
        assert_nothing_is_left(&tidemark).await;
        let mut orphans = 0;
        while let Some(Some(news)) = futures::FutureExt::now_or_never(events.next()) {
            orphans += usize::from(matches!(news, News::Item(ProcessEvent::Exited { .. })));
        }
        assert!(orphans >= 3, "{orphans}");
        assert_eq!(told(&tidemark, "awk '{print $4}' /proc/$$/stat").await, "1\n");
    });
}

#[test]
fn after_an_orderly_shutdown_handles_say_so() {
    let tidemark = sandbox();
    block_on(async {
        let mut child = sh(&tidemark, "sleep 1000").spawn().await.unwrap();
        let mut stdout = child.stdout.take().unwrap();
        assert!(tidemark.usage().await.unwrap().workers > 0);
        tidemark.shutdown().await;
        assert_eq!(tidemark.workers(), 0);
        assert_eq!(child.wait().await, Err(Gone::ShutDown));
        assert_eq!(stdout.read().await, Err(Gone::ShutDown));
        assert_eq!(child.kill().await, Err(SignalError::Gone(Gone::ShutDown)));
        assert_eq!(child.stdin.take().unwrap().write_all("x").await, Err(WriteError::Gone(Gone::ShutDown)));
        assert_eq!(tidemark.usage().await, Err(Gone::ShutDown));
        let error = sh(&tidemark, "true").output().await.unwrap_err();
        assert_eq!(error, OutputError::Spawn(SpawnError::Gone(Gone::ShutDown)));
        assert_eq!(error.to_string(), "the sandbox was shut down");
        let error = tidemark.files().read("/etc/passwd").await.unwrap_err();
        assert_eq!(error.to_string(), "the sandbox was shut down");
        tidemark.shutdown().await;
    });
}

#[test]
fn a_start_that_nobody_waits_for_leaves_no_streams_open() {
    let tidemark = sandbox();
    block_on(async {
        for _ in 0..20 {
            let command = sh(&tidemark, "cat; echo > /dev/null");
            let mut spawn = Box::pin(command.spawn());
            // Sent, and not waited for.
            let _ = futures::poll!(&mut spawn);
            drop(spawn);
            let files = tidemark.files();
            let mut read = Box::pin(files.read("/etc/passwd"));
            let _ = futures::poll!(&mut read);
        }
        while tidemark.processes().await.unwrap().len() > 1 {}
        assert_nothing_is_left(&tidemark).await;
    });
}

/// Checks for leaks: what every program should have left.
async fn assert_nothing_is_left(tidemark: &Tidemark) {
    // Those whose end was told may have children that are killed but have not gone yet.
    while tidemark.processes().await.unwrap().len() > 1 {}
    let usage = tidemark.usage().await.unwrap();
    let system = usage.system;
    let counts = [
        system.processes,
        system.threads,
        system.address_spaces,
        system.open_files,
        system.descriptor_tables,
        system.pipes,
        system.streams,
    ];
    assert_eq!(counts, [0; 7], "{system:?}");
    // The kernel's own few pages: the vDSO and what processes share of it.
    assert!(system.memory_bytes - usage.file_bytes <= 16 << 10, "{usage:?}");
}
