"""The profile of containers for which nobody asks for another: what is named may be called, the rest fails with EPERM.

Written from the kernel's documentation (syscalls(2) and the page of each call; capabilities(7)). A call is here when it
acts on what the caller has anyway, in its namespaces and under the kernel's own checks. It is not here, or only with
the capability that the kernel asks for in the initial user namespace, when it

* changes what the whole machine shares: modules, swap, clocks, kexec, accounting, ports of the hardware;
* reaches around namespaces: keys (keyrings(7) know none), file handles, mounts, new namespaces, foreign processes;
* opens much of the kernel to attacks that containers seldom need: bpf, io_uring, userfaultfd, perf events, the sockets
  of AF_VSOCK, which lead to the hypervisor, and of AF_ALG.

A container's own user namespace would make the kernel forgo some of its checks, so `clone` and `unshare` are watched.
"""

from __future__ import annotations

_ENOSYS = 38
_AF_ALG = 38
_AF_VSOCK = 40
# linux/sched.h: CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID and NEWNET. The bit of CLONE_NEWTIME is one of
# the exit signal's in clone(2).
_NEW_NAMESPACES = 0x7E020000
# linux/personality.h: Linux, Linux on 32 bits (PER_LINUX32), both with UNAME26, and the question which one it is.
_PERSONALITIES = (0x0, 0x8, 0x20000, 0x20008, 0xFFFFFFFF)

_FILES = """
    access chdir chmod chown chown32 close close_range copy_file_range creat dup dup2 dup3 faccessat faccessat2
    fadvise64 fadvise64_64 fallocate fchdir fchmod fchmodat fchmodat2 fchown fchown32 fchownat fcntl fcntl64 fdatasync
    flock fstat fstat64 fstatat64 fstatfs fstatfs64 fsync ftruncate ftruncate64 futimesat getcwd getdents getdents64
    ioctl lchown lchown32 link linkat _llseek lseek lstat lstat64 mkdir mkdirat mknod mknodat name_to_handle_at
    newfstatat open openat openat2 pread64 preadv preadv2 pwrite64 pwritev pwritev2 read readahead readlink readlinkat
    readv rename renameat renameat2 rmdir sendfile sendfile64 splice stat stat64 statfs statfs64 statx symlink
    symlinkat sync sync_file_range syncfs tee truncate truncate64 umask unlink unlinkat utime utimensat
    utimensat_time64 utimes vmsplice write writev
"""
_ATTRIBUTES = """
    fgetxattr flistxattr fremovexattr fsetxattr getxattr getxattrat lgetxattr listxattr listxattrat llistxattr
    lremovexattr lsetxattr removexattr removexattrat setxattr setxattrat file_getattr file_setattr
"""
_WAITING = """
    _newselect epoll_create epoll_create1 epoll_ctl epoll_ctl_old epoll_pwait epoll_pwait2 epoll_wait epoll_wait_old
    eventfd eventfd2 fanotify_mark inotify_add_watch inotify_init inotify_init1 inotify_rm_watch pipe pipe2 poll ppoll
    ppoll_time64 pselect6 pselect6_time64 select signalfd signalfd4
"""
_ASYNCHRONOUS = "io_cancel io_destroy io_getevents io_pgetevents io_pgetevents_time64 io_setup io_submit"
_MEMORY = """
    brk cachestat madvise map_shadow_stack membarrier memfd_create memfd_secret mincore mlock mlock2 mlockall mmap mmap2
    mprotect mremap mseal msync munlock munlockall munmap pkey_alloc pkey_free pkey_mprotect process_mrelease
    remap_file_pages
"""
_PROCESSES = """
    execve execveat exit exit_group fork getpgid getpgrp getpid getppid getpriority getsid gettid kill pause
    pidfd_open pidfd_send_signal prctl restart_syscall setpgid setpriority setsid tgkill tkill vfork wait4 waitid
    waitpid
"""
_THREADS = """
    futex futex_requeue futex_time64 futex_wait futex_waitv futex_wake get_robust_list get_thread_area getcpu rseq
    sched_get_priority_max sched_get_priority_min sched_getaffinity sched_getattr sched_getparam sched_getscheduler
    sched_rr_get_interval sched_rr_get_interval_time64 sched_setaffinity sched_setattr sched_setparam sched_setscheduler
    sched_yield set_robust_list set_thread_area set_tid_address
"""
_SIGNALS = """
    rt_sigaction rt_sigpending rt_sigprocmask rt_sigqueueinfo rt_sigreturn rt_sigsuspend rt_sigtimedwait
    rt_sigtimedwait_time64 rt_tgsigqueueinfo sigaltstack signal sigaction sigpending sigprocmask sigreturn sigsuspend
"""
_CREDENTIALS = """
    capget capset getegid getegid32 geteuid geteuid32 getgid getgid32 getgroups getgroups32 getresgid getresgid32
    getresuid getresuid32 getuid getuid32 landlock_add_rule landlock_create_ruleset landlock_restrict_self seccomp
    setfsgid setfsgid32 setfsuid setfsuid32 setgid setgid32 setgroups setgroups32 setregid setregid32 setresgid
    setresgid32 setresuid setresuid32 setreuid setreuid32 setuid setuid32
"""
_TIMES = """
    adjtimex alarm clock_adjtime clock_adjtime64 clock_getres clock_getres_time64 clock_gettime clock_gettime64
    clock_nanosleep clock_nanosleep_time64 getitimer gettimeofday nanosleep setitimer time timer_create timer_delete
    timer_getoverrun timer_gettime timer_gettime64 timer_settime timer_settime64 timerfd_create timerfd_gettime
    timerfd_gettime64 timerfd_settime timerfd_settime64 times
"""
# socketcall(2) is how old C libraries of i386 make sockets; a filter cannot see the family behind its pointer.
_SOCKETS = """
    accept accept4 bind connect getpeername getsockname getsockopt listen recvfrom recvmmsg recvmmsg_time64 recvmsg
    sendmmsg sendmsg sendto setsockopt shutdown socketcall socketpair
"""
_BETWEEN_PROCESSES = """
    ipc mq_getsetattr mq_notify mq_open mq_timedreceive mq_timedreceive_time64 mq_timedsend mq_timedsend_time64
    mq_unlink msgctl msgget msgrcv msgsnd semctl semget semop semtimedop semtimedop_time64 shmat shmctl shmdt shmget
"""
_SYSTEM = """
    getrandom getrlimit getrusage ioprio_get ioprio_set listmount lsm_get_self_attr lsm_list_modules lsm_set_self_attr
    prlimit64 setrlimit statmount sysinfo ugetrlimit uname
"""

# capabilities(7), with what each allows.
_WITH_CAPABILITY = {
    "CAP_BPF": "bpf",
    "CAP_DAC_READ_SEARCH": "open_by_handle_at",
    "CAP_PERFMON": "perf_event_open",
    "CAP_SYS_ADMIN": """
        bpf clone clone3 fanotify_init fsconfig fsmount fsopen fspick lookup_dcookie mount mount_setattr move_mount
        open_tree open_tree_attr perf_event_open quotactl quotactl_fd setdomainname sethostname setns syslog umount
        umount2 unshare
    """,
    "CAP_SYS_BOOT": "reboot",
    "CAP_SYS_CHROOT": "chroot",
    "CAP_SYS_MODULE": "delete_module finit_module init_module",
    "CAP_SYS_NICE": "get_mempolicy mbind set_mempolicy set_mempolicy_home_node",
    "CAP_SYS_PACCT": "acct",
    "CAP_SYS_PTRACE": "kcmp pidfd_getfd process_madvise",
    "CAP_SYS_RAWIO": "ioperm iopl",
    "CAP_SYS_TIME": "clock_settime clock_settime64 settimeofday stime",
    "CAP_SYS_TTY_CONFIG": "vhangup",
    "CAP_SYSLOG": "syslog",
}
# All three are for processes that one may trace. On older kernels a tracer could change a call after the filter saw it.
_TRACING = "process_vm_readv process_vm_writev ptrace"
# uretprobe and uprobe are put into traced programs by the kernel itself.
_ON_MACHINE = {"amd64": "arch_prctl modify_ldt uprobe uretprobe"}


def _allowed(names: str, **more: object) -> dict[str, object]:
    return {"names": names.split(), "action": "SCMP_ACT_ALLOW", **more}


def _compared(index: int, operator: str, value: int, value_two: int = 0) -> dict[str, object]:
    return {"index": index, "op": f"SCMP_CMP_{operator}", "value": value, "valueTwo": value_two}


_WITHOUT_ADMINISTRATION = {"caps": ["CAP_SYS_ADMIN"]}

PROFILE: dict[str, object] = {
    "defaultAction": "SCMP_ACT_ERRNO",
    "defaultErrnoRet": 1,
    "archMap": [
        {"architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"]},
        {"architecture": "SCMP_ARCH_AARCH64", "subArchitectures": []},
    ],
    "syscalls": [
        *map(_allowed, (
            _FILES, _ATTRIBUTES, _WAITING, _ASYNCHRONOUS, _MEMORY, _PROCESSES, _THREADS, _SIGNALS, _CREDENTIALS, _TIMES,
            _SOCKETS, _BETWEEN_PROCESSES, _SYSTEM,
        )),
        _allowed(_TRACING, includes={"minKernel": "4.8"}),
        *(_allowed("personality", args=[_compared(0, "EQ", value)]) for value in _PERSONALITIES),
        _allowed("socket", args=[_compared(0, "LT", _AF_ALG)]),
        _allowed("socket", args=[_compared(0, "EQ", _AF_ALG + 1)]),
        _allowed("socket", args=[_compared(0, "GT", _AF_VSOCK)]),
        _allowed("clone", args=[_compared(0, "MASKED_EQ", _NEW_NAMESPACES)], excludes=_WITHOUT_ADMINISTRATION),
        # Its flags are behind a pointer. Told that there is none, C libraries go back to clone.
        {
            "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": _ENOSYS, "excludes": _WITHOUT_ADMINISTRATION,
        },
        *(_allowed(names, includes={"caps": [name]}) for name, names in _WITH_CAPABILITY.items()),
        *(_allowed(names, includes={"arches": [name]}) for name, names in _ON_MACHINE.items()),
    ],
}  # fmt: skip
"""The profile, as engines write theirs; `engine_format.resolve` makes of it what one container gets."""
