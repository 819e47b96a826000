// For the thread sanitizer only. Debian's librdkafka uses the threads of C11, which glibc makes without the functions that the sanitizer
// watches: it does not know such a thread and crashes in it. These stand before glibc's and go through pthread, as glibc's do inside.
#if defined(__SANITIZE_THREAD__)

#include <cerrno>
#include <memory>

#include <pthread.h>
#include <threads.h>

namespace {

static_assert(sizeof(mtx_t) >= sizeof(pthread_mutex_t) && sizeof(cnd_t) >= sizeof(pthread_cond_t));

pthread_mutex_t* of(mtx_t* mutex) { return reinterpret_cast<pthread_mutex_t*>(mutex); }
pthread_cond_t* of(cnd_t* condition) { return reinterpret_cast<pthread_cond_t*>(condition); }

int said(int error) { return error == 0 ? thrd_success : error == ETIMEDOUT ? thrd_timedout : error == EBUSY ? thrd_busy : thrd_error; }

struct Start {
  thrd_start_t run;
  void* argument;
};

void* begin(void* start) {
  const std::unique_ptr<Start> owned(static_cast<Start*>(start));
  owned->run(owned->argument);
  return nullptr;
}

}  // namespace

extern "C" {

int thrd_create(thrd_t* thread, thrd_start_t run, void* argument) {
  return said(::pthread_create(thread, nullptr, begin, new Start{run, argument}));
}
int thrd_join(thrd_t thread, int* result) {
  if (result != nullptr) *result = 0;
  return said(::pthread_join(thread, nullptr));
}
int thrd_detach(thrd_t thread) { return said(::pthread_detach(thread)); }

int mtx_init(mtx_t* mutex, int type) noexcept {
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
  ::pthread_mutexattr_settype(&attributes, (type & mtx_recursive) != 0 ? PTHREAD_MUTEX_RECURSIVE : PTHREAD_MUTEX_NORMAL);
  const int error = ::pthread_mutex_init(of(mutex), &attributes);
  ::pthread_mutexattr_destroy(&attributes);
  return said(error);
}
int mtx_lock(mtx_t* mutex) { return said(::pthread_mutex_lock(of(mutex))); }
int mtx_trylock(mtx_t* mutex) { return said(::pthread_mutex_trylock(of(mutex))); }
int mtx_unlock(mtx_t* mutex) { return said(::pthread_mutex_unlock(of(mutex))); }
void mtx_destroy(mtx_t* mutex) { ::pthread_mutex_destroy(of(mutex)); }

int cnd_init(cnd_t* condition) { return said(::pthread_cond_init(of(condition), nullptr)); }
int cnd_signal(cnd_t* condition) { return said(::pthread_cond_signal(of(condition))); }
int cnd_broadcast(cnd_t* condition) { return said(::pthread_cond_broadcast(of(condition))); }
int cnd_wait(cnd_t* condition, mtx_t* mutex) { return said(::pthread_cond_wait(of(condition), of(mutex))); }
int cnd_timedwait(cnd_t* condition, mtx_t* mutex, const timespec* until) {
  return said(::pthread_cond_timedwait(of(condition), of(mutex), until));
}
void cnd_destroy(cnd_t* condition) { ::pthread_cond_destroy(of(condition)); }

}  // extern "C"

#endif
