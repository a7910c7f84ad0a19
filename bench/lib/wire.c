/*
 * Ends of switches between processes, and a forwarder that does nothing else: frames a second, one sender and one
 * receiver, known unicast. The name of the mode says what the frames go through:
 *
 *     wire stream SOCKET1 SOCKET2 SIZE SECONDS FRAMES     UNIX streams, 4-byte length framing, so many frames a write
 *     wire datagram OWN1 PEER1 OWN2 PEER2 SIZE SECONDS    UNIX datagrams
 *     wire vde CONTROL SIZE SECONDS                       two connections to a vde_switch
 *     wire packet NETNS1 NETNS2 SIZE SECONDS              eth0 in two network namespaces
 *     wire forward OWN1 PEER1 OWN2 PEER2                  the forwarder; until killed
 *
 * SIZE counts the frame check sequence, which is nowhere here. Datagrams are sent by 32 and received by 64 a system call.
 * Prints the number of frames a second that arrived.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { FCS = 4, LONGEST = 2048, SENT = 32, TAKEN = 64 };
static const double WARM_UP = 0.4;

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

/* UDP from 10.0.0.<from> to 10.0.0.<to>, 02:00:00:00:00:<from> to 02:00:00:00:00:<to>. */
static int make_frame(uint8_t *f, int size, int from, int to) {
  int length = size - FCS, ip = length - 14;
  memset(f, 0, length);
  f[0] = f[6] = 2, f[5] = to, f[11] = from, f[12] = 8;
  f[14] = 0x45, f[16] = ip >> 8, f[17] = ip, f[22] = 64, f[23] = 17, f[26] = f[30] = 10, f[29] = from, f[33] = to;
  uint32_t sum = 0;
  for (int i = 14; i < 34; i += 2) sum += f[i] << 8 | f[i + 1];
  sum = (sum & 0xffff) + (sum >> 16), sum = ~(sum + (sum >> 16));
  f[24] = sum >> 8, f[25] = sum;
  f[34] = 4000 >> 8, f[35] = 4000 & 255, f[36] = 5201 >> 8, f[37] = 5201 & 255, f[38] = (ip - 20) >> 8, f[39] = ip - 20;
  return length;
}

static struct sockaddr_un at(const char *path) {
  struct sockaddr_un a = {.sun_family = AF_UNIX};
  strncpy(a.sun_path, path, sizeof a.sun_path - 1);
  return a;
}

static void connect_to(int s, const char *path) {
  struct sockaddr_un a = at(path);
  for (int i = 0; i < 200; i++, usleep(25000))
    if (connect(s, (struct sockaddr *)&a, sizeof a) == 0) return;
  err(1, "%s", path);
}

static int stream_to(const char *path) {
  int s = socket(AF_UNIX, SOCK_STREAM, 0);
  connect_to(s, path);
  return s;
}

static int datagram_at(const char *path) {
  int s = socket(AF_UNIX, SOCK_DGRAM, 0), room = 4 << 20;
  struct sockaddr_un a = at(path);
  unlink(path);
  if (bind(s, (struct sockaddr *)&a, sizeof a)) err(1, "%s", path);
  setsockopt(s, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
  return s;
}

/* ------------------------------------------------------------------------------------------------ datagrams */

static uint8_t sent_frame[LONGEST];
static int sent_length, sender;

static void *send_datagrams(void *unused) {
  struct iovec part = {sent_frame, sent_length};
  struct mmsghdr all[SENT] = {0};
  for (int i = 0; i < SENT; i++) all[i].msg_hdr.msg_iov = &part, all[i].msg_hdr.msg_iovlen = 1;
  for (;;)
    if (sendmmsg(sender, all, SENT, 0) < 0) usleep(50);
  return unused;
}

static int take_datagrams(int s) {
  static uint8_t room[TAKEN][LONGEST];
  static struct iovec parts[TAKEN];
  static struct mmsghdr all[TAKEN];
  for (int i = 0; i < TAKEN; i++) {
    parts[i] = (struct iovec){room[i], LONGEST};
    all[i].msg_hdr.msg_iov = &parts[i], all[i].msg_hdr.msg_iovlen = 1;
  }
  return recvmmsg(s, all, TAKEN, MSG_DONTWAIT, NULL);
}

static void measure_datagrams(int from, int to, int size, double seconds) {
  uint8_t hello[LONGEST];
  pthread_t thread;
  /* Both addresses are learnt before it counts. */
  int length = make_frame(hello, 64, 2, 1);
  send(to, hello, length, 0);
  usleep(100000);
  while (take_datagrams(to) > 0) continue;
  sender = from, sent_length = make_frame(sent_frame, size, 1, 2);
  pthread_create(&thread, NULL, send_datagrams, NULL);
  double start = now(), begin = 0, end = start + WARM_UP + seconds;
  long count = 0;
  while (now() < end) {
    struct pollfd wait = {to, POLLIN, 0};
    if (begin == 0 && now() > start + WARM_UP) begin = now(), count = 0;
    if (poll(&wait, 1, 100) > 0) {
      int taken = take_datagrams(to);
      if (taken > 0) count += taken;
    }
  }
  printf("%.0f\n", count / (now() - begin));
}

static int vde_socket(const char *control) {
  struct { int port; char *group; int mode; } options = {0};
  void *library = dlopen("libvdeplug.so.3", RTLD_NOW);
  if (!library) library = dlopen("libvdeplug.so.2", RTLD_NOW);
  if (!library) errx(1, "%s", dlerror());
  void *(*open_real)(const char *, const char *, int, void *) = dlsym(library, "vde_open_real");
  int (*data)(void *) = dlsym(library, "vde_datafd");
  void *connection = open_real(control, "bench", 1, &options);
  if (!connection) err(1, "%s", control);
  return data(connection);
}

static void forward(char **paths) {
  int in = datagram_at(paths[0]), out = datagram_at(paths[2]);
  static uint8_t room[TAKEN][LONGEST];
  static struct iovec parts[TAKEN];
  static struct mmsghdr all[TAKEN];
  connect_to(in, paths[1]), connect_to(out, paths[3]);
  for (int i = 0; i < TAKEN; i++) all[i].msg_hdr.msg_iov = &parts[i], all[i].msg_hdr.msg_iovlen = 1;
  for (;;) {
    for (int i = 0; i < TAKEN; i++) parts[i] = (struct iovec){room[i], LONGEST};
    int taken = recvmmsg(in, all, TAKEN, MSG_WAITFORONE, NULL);
    for (int i = 0; i < taken; i++) parts[i].iov_len = all[i].msg_len;
    for (int done = 0, n; done < taken && (n = sendmmsg(out, all + done, taken - done, 0)) > 0;) done += n;
  }
}

/* -------------------------------------------------------------------------------------------------- streams */

static uint8_t *written;
static size_t written_size;

static void *write_frames(void *unused) {
  for (;;)
    for (size_t done = 0; done < written_size;) {
      ssize_t n = write(sender, written + done, written_size - done);
      if (n <= 0) return unused;
      done += n;
    }
}

static void measure_streams(int from, int to, int size, double seconds, int frames) {
  static uint8_t room[1 << 18];
  uint8_t hello[LONGEST];
  pthread_t thread;
  int length = make_frame(hello + 4, 64, 2, 1);
  *(uint32_t *)hello = htonl(length);
  if (write(to, hello, 4 + length) < 0) err(1, "write");
  usleep(200000);
  size_t each = 4 + size - FCS;
  written_size = each * frames, written = malloc(written_size);
  for (int i = 0; i < frames; i++) {
    *(uint32_t *)(written + i * each) = htonl(size - FCS);
    make_frame(written + i * each + 4, size, 1, 2);
  }
  sender = from;
  pthread_create(&thread, NULL, write_frames, NULL);
  double start = now(), begin = 0, end = start + WARM_UP + seconds;
  double bytes = 0;
  while (now() < end) {
    if (begin == 0 && now() > start + WARM_UP) begin = now(), bytes = 0;
    ssize_t n = read(to, room, sizeof room);
    if (n <= 0) errx(1, "the switch has closed the connection");
    bytes += n;
  }
  printf("%.0f\n", bytes / each / (now() - begin));
}

/* ----------------------------------------------------------------------------------------------- interfaces */

static void enter(const char *netns) {
  char path[128];
  snprintf(path, sizeof path, "/run/netns/%s", netns);
  int fd = open(path, O_RDONLY);
  if (fd < 0 || setns(fd, CLONE_NEWNET)) err(1, "%s", path);
  close(fd);
}

static int packet_socket(void) {
  int s = socket(AF_PACKET, SOCK_RAW, 0), on = 1;
  struct sockaddr_ll a = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex("eth0")};
  if (s < 0 || bind(s, (struct sockaddr *)&a, sizeof a)) err(1, "eth0");
  setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof on);
  return s;
}

static double received(void) {
  char line[512];
  double packets = -1;
  FILE *file = fopen("/proc/self/net/dev", "r");
  while (file && fgets(line, sizeof line, file)) sscanf(line, " eth0: %*d %lf", &packets);
  if (file) fclose(file);
  return packets;
}

static void measure_packets(const char *from, const char *to, int size, double seconds) {
  uint8_t hello[LONGEST];
  pthread_t thread;
  enter(from);
  sender = packet_socket();
  enter(to);
  int back = packet_socket();
  if (send(back, hello, make_frame(hello, 64, 2, 1), 0) < 0) err(1, "send");
  usleep(200000);
  sent_length = make_frame(sent_frame, size, 1, 2);
  pthread_create(&thread, NULL, send_datagrams, NULL);
  usleep(WARM_UP * 1e6);
  double begin = now(), before = received();
  usleep(seconds * 1e6);
  printf("%.0f\n", (received() - before) / (now() - begin));
}

int main(int count, char **word) {
  const char *mode = count > 1 ? word[1] : "";
  if (!strcmp(mode, "stream") && count == 7)
    measure_streams(stream_to(word[2]), stream_to(word[3]), atoi(word[4]), atof(word[5]), atoi(word[6]));
  else if (!strcmp(mode, "datagram") && count == 8) {
    int from = datagram_at(word[2]), to = datagram_at(word[4]);
    connect_to(from, word[3]), connect_to(to, word[5]);
    measure_datagrams(from, to, atoi(word[6]), atof(word[7]));
  } else if (!strcmp(mode, "vde") && count == 5) {
    int from = vde_socket(word[2]), to = vde_socket(word[2]);
    measure_datagrams(from, to, atoi(word[3]), atof(word[4]));
  } else if (!strcmp(mode, "packet") && count == 6)
    measure_packets(word[2], word[3], atoi(word[4]), atof(word[5]));
  else if (!strcmp(mode, "forward") && count == 6)
    forward(word + 2);
  else
    errx(2, "usage: see wire.c");
  fflush(stdout);
  _exit(0);
}
