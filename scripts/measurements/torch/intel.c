// Preloaded into a process, it tells MKL that the processor is Intel's.
int mkl_serv_intel_cpu_true(void) { return 1; }
