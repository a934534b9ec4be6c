/* The CUDA runtime of one device of compute capability 9.0. Its memory is the host's and starts as NaN, its kernels do
 * nothing: what a program computes on it is not a number, or what happened to lie there. */
#include <driver_types.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <vector_types.h>

typedef cudaError_t Error;

static const size_t memory = (size_t)80 << 30;

static Error handle(void **made)
{
    *made = calloc(1, 64);
    return cudaSuccess;
}

Error cudaGetDeviceCount(int *count) { *count = 1; return cudaSuccess; }
Error cudaGetDevice(int *device) { *device = 0; return cudaSuccess; }
Error cudaDriverGetVersion(int *version) { *version = 13000; return cudaSuccess; }
Error cudaRuntimeGetVersion(int *version) { *version = 13000; return cudaSuccess; }
const char *cudaGetErrorString(int code) { (void)code; return "stub"; }
const char *cudaGetErrorName(int code) { (void)code; return "stub"; }

Error cudaGetDeviceProperties(struct cudaDeviceProp *found, int device)
{
    (void)device;
    memset(found, 0, sizeof *found);
    strcpy(found->name, "stub device");
    found->major = 9;
    found->multiProcessorCount = 132;
    found->totalGlobalMem = memory;
    found->sharedMemPerBlock = 48 << 10;
    found->sharedMemPerBlockOptin = 227 << 10;
    found->sharedMemPerMultiprocessor = 228 << 10;
    found->regsPerBlock = 1 << 16;
    found->warpSize = 32;
    found->maxThreadsPerBlock = 1024;
    found->maxThreadsPerMultiProcessor = 2048;
    found->maxThreadsDim[0] = found->maxThreadsDim[1] = 1024;
    found->maxThreadsDim[2] = 64;
    found->maxGridSize[0] = INT32_MAX;
    found->maxGridSize[1] = found->maxGridSize[2] = UINT16_MAX;
    return cudaSuccess;
}

Error cudaDeviceGetAttribute(int *value, int attribute, int device)
{
    (void)device;
    switch (attribute) {
    case cudaDevAttrComputeCapabilityMajor: *value = 9; break;
    case cudaDevAttrMultiProcessorCount: *value = 132; break;
    case cudaDevAttrMaxSharedMemoryPerBlockOptin: *value = 227 << 10; break;
    case cudaDevAttrWarpSize: *value = 32; break;
    default: *value = 0;
    }
    return cudaSuccess;
}

Error cudaMalloc(void **made, size_t size)
{
    *made = aligned_alloc(512, (size + 511) / 512 * 512);
    if (*made)
        memset(*made, 0xff, size);
    return *made || !size ? cudaSuccess : cudaErrorMemoryAllocation;
}
Error cudaMallocHost(void **made, size_t size) { return cudaMalloc(made, size); }
Error cudaHostAlloc(void **made, size_t size, unsigned flags) { (void)flags; return cudaMalloc(made, size); }
Error cudaMallocFromPoolAsync(void **made, size_t size, void *pool, void *stream)
{
    (void)pool, (void)stream;
    return cudaMalloc(made, size);
}
Error cudaFree(void *made) { free(made); return cudaSuccess; }
Error cudaFreeHost(void *made) { free(made); return cudaSuccess; }
Error cudaFreeAsync(void *made, void *stream) { (void)stream; free(made); return cudaSuccess; }
Error cudaMemGetInfo(size_t *unused, size_t *total) { *unused = *total = memory; return cudaSuccess; }

Error cudaMemcpy(void *to, const void *from, size_t size, int kind)
{
    (void)kind;
    memcpy(to, from, size);
    return cudaSuccess;
}
Error cudaMemcpyAsync(void *to, const void *from, size_t size, int kind, void *stream)
{
    (void)stream;
    return cudaMemcpy(to, from, size, kind);
}
Error cudaMemset(void *to, int value, size_t size) { memset(to, value, size); return cudaSuccess; }
Error cudaMemsetAsync(void *to, int value, size_t size, void *stream)
{
    (void)stream;
    return cudaMemset(to, value, size);
}

Error cudaStreamCreate(void **made) { return handle(made); }
Error cudaStreamCreateWithFlags(void **made, unsigned flags) { (void)flags; return handle(made); }
Error cudaEventCreate(void **made) { return handle(made); }
Error cudaEventCreateWithFlags(void **made, unsigned flags) { (void)flags; return handle(made); }
Error cudaEventElapsedTime(float *milliseconds, void *start, void *end)
{
    (void)start, (void)end;
    *milliseconds = 1;
    return cudaSuccess;
}
Error cudaStreamIsCapturing(void *stream, int *status) { (void)stream; *status = 0; return cudaSuccess; }

void **__cudaRegisterFatBinary(void *binary) { (void)binary; return calloc(1, 64); }
unsigned __cudaPushCallConfiguration(dim3 grid, dim3 block, size_t shared, void *stream)
{
    (void)grid, (void)block, (void)shared, (void)stream;
    return 0;
}
Error cudaPointerGetAttributes(struct cudaPointerAttributes *found, const void *pointer)
{
    (void)pointer;
    memset(found, 0, sizeof *found);
    return cudaSuccess;
}
Error cudaFuncGetAttributes(struct cudaFuncAttributes *found, const void *function)
{
    (void)function;
    memset(found, 0, sizeof *found);
    found->maxThreadsPerBlock = 1024;
    return cudaSuccess;
}
Error cudaOccupancyMaxActiveBlocksPerMultiprocessorWithFlags(int *blocks, const void *function, int size,
                                                             size_t shared, unsigned flags)
{
    (void)function, (void)size, (void)shared, (void)flags;
    *blocks = 2;
    return cudaSuccess;
}
