/* What NVIDIA's public headers expect of the compiler, for a plain C compiler. The real file is in another package. */
#pragma once
#define __device_builtin__
#define __device_builtin_texture_type__
#define __device_builtin_surface_type__
#define __cudart_builtin__
#define __builtin_align__(bytes) __attribute__((aligned(bytes)))
#define __align__(bytes) __attribute__((aligned(bytes)))
#define __host__
#define __device__
#define __global__
#define __location__(place)
#define __inline__ inline
#define __forceinline__ inline
#define __no_return__
#define CUDARTAPI
#define CUDARTAPI_CDECL
