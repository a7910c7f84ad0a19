/*
 * Traffic between two network namespaces; each mode is one end of it, in the namespace that it is started in.
 *
 *     traffic flood DEVICE TO_MAC FROM_MAC TO_IP FROM_IP SIZE SECONDS   frames as fast as they go, past the queues of the kernel
 *     traffic count DEVICE SECONDS                  frames a second that come in, between 0.3 and 0.9 of the time
 *     traffic send IP PORT SECONDS RATE SIZE        UDP, evenly spaced; prints how many, and in how many seconds
 *     traffic receive PORT SECONDS                  says "ready", then prints how many came
 *     traffic hear PORT SECONDS                     says "ready", then prints microseconds (CLOCK_MONOTONIC) and number of each
 *     traffic move SECONDS FROM_NETNS TO_NETNS DEVICE MACHINE_NETNS MAC
 *                                                   after so long a link goes down and another up, as where a machine moves,
 *                                                   and it is announced by reverse ARP, as by its hypervisor
 *
 * SIZE of a frame counts the frame check sequence, which the kernel leaves to the device; SIZE of UDP is that of its data.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { FCS = 4, HEADERS = 42, LONGEST = 2048, BURST = 64, DISCARD = 5201 };

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return t.tv_sec + t.tv_nsec / 1e9;
}

static void sleep_for(double seconds) {
  struct timespec t = {seconds, (seconds - (long)seconds) * 1e9};
  nanosleep(&t, NULL);
}

static void mac(const char *text, uint8_t *to) {
  if (sscanf(text, "%hhx:%hhx:%hhx:%hhx:%hhx:%hhx", to, to + 1, to + 2, to + 3, to + 4, to + 5) != 6)
    errx(1, "no MAC address: %s", text);
}

static int packet_socket(const char *device) {
  int s = socket(AF_PACKET, SOCK_RAW, 0), yes = 1;
  struct sockaddr_ll at = {.sll_family = AF_PACKET, .sll_ifindex = if_nametoindex(device)};
  if (s < 0 || bind(s, (struct sockaddr *)&at, sizeof at)) err(1, "%s", device);
  setsockopt(s, SOL_PACKET, PACKET_QDISC_BYPASS, &yes, sizeof yes);
  return s;
}

/* UDP from port 4000 to DISCARD. */
static int make_frame(uint8_t *f, char **a) {
  int length = atoi(a[4]) - FCS, ip = length - 14;
  memset(f, 0, LONGEST);
  mac(a[0], f), mac(a[1], f + 6);
  f[12] = 8, f[14] = 0x45, f[16] = ip >> 8, f[17] = ip, f[22] = 64, f[23] = IPPROTO_UDP;
  if (!inet_pton(AF_INET, a[3], f + 26) || !inet_pton(AF_INET, a[2], f + 30)) errx(1, "no address");
  uint32_t sum = 0;
  for (int i = 14; i < 34; i += 2) sum += f[i] << 8 | f[i + 1];
  sum = (sum & 0xffff) + (sum >> 16), sum = ~(sum + (sum >> 16));
  f[24] = sum >> 8, f[25] = sum;
  f[34] = 4000 >> 8, f[35] = 4000 & 255, f[36] = DISCARD >> 8, f[37] = DISCARD & 255;
  f[38] = (ip - 20) >> 8, f[39] = ip - 20;
  return length;
}

static void flood(char **a) {
  static uint8_t frame[LONGEST];
  struct iovec part = {frame, make_frame(frame, a + 1)};
  struct mmsghdr all[BURST] = {0};
  for (int i = 0; i < BURST; i++) all[i].msg_hdr.msg_iov = &part, all[i].msg_hdr.msg_iovlen = 1;
  int s = packet_socket(a[0]);
  for (double end = now() + atof(a[6]); now() < end;) sendmmsg(s, all, BURST, 0);
}

static long received(const char *device) {
  char line[512], name[64];
  long bytes, packets = -1;
  FILE *f = fopen("/proc/self/net/dev", "r");
  while (fgets(line, sizeof line, f))
    if (sscanf(line, " %63[^:]: %ld %ld", name, &bytes, &packets) == 3 && strcmp(name, device) == 0) break;
  fclose(f);
  return packets;
}

static int udp_at(int port, int room) {
  int s = socket(AF_INET, SOCK_DGRAM, 0);
  struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(port)};
  setsockopt(s, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
  if (bind(s, (struct sockaddr *)&at, sizeof at)) err(1, "port %d", port);
  return s;
}

static void count(char **a) {
  double seconds = atof(a[1]);
  /* Nobody reads from it: what comes is dropped without an answer by ICMP. */
  udp_at(DISCARD, 4096);
  sleep_for(0.3 * seconds);
  long before = received(a[0]);
  double begin = now();
  sleep_for(0.6 * seconds);
  printf("%.0f\n", (received(a[0]) - before) / (now() - begin));
}

static void send_udp(char **a) {
  static uint8_t data[BURST][LONGEST];
  struct iovec parts[BURST];
  struct mmsghdr all[BURST] = {0};
  double seconds = atof(a[2]), rate = atof(a[3]);
  uint32_t burst = rate / 2000 < 1 ? 1 : rate / 2000 > BURST ? BURST : rate / 2000, sent = 0;
  struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons(atoi(a[1]))};
  int s = socket(AF_INET, SOCK_DGRAM, 0), room = 4 << 20;
  setsockopt(s, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof room);
  if (!inet_pton(AF_INET, a[0], &to.sin_addr) || connect(s, (struct sockaddr *)&to, sizeof to)) err(1, "%s", a[0]);
  for (int i = 0; i < BURST; i++) {
    parts[i] = (struct iovec){data[i], atoi(a[4])};
    all[i].msg_hdr.msg_iov = &parts[i], all[i].msg_hdr.msg_iovlen = 1;
  }
  double start = now();
  for (double t = start; t < start + seconds; t = now()) {
    double missing = burst - ((t - start) * rate - sent);
    if (missing > 0) {
      sleep_for(missing / rate < 0.0003 ? missing / rate : 0.0003);
      continue;
    }
    for (uint32_t i = 0; i < burst; i++) *(uint32_t *)data[i] = sent + i;
    /* What the kernel refuses is lost: it was due now. */
    sendmmsg(s, all, burst, 0);
    sent += burst;
  }
  printf("%u %.6f\n", sent, now() - start);
}

static int hearing(int port) {
  int s = udp_at(port, 64 << 20);
  struct timeval patience = {0, 300000};
  setsockopt(s, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  printf("ready\n"), fflush(stdout);
  return s;
}

/* Ends when nothing comes any more, or at the end of the time. */
static void receive(char **a) {
  static uint8_t room[BURST][LONGEST];
  struct iovec parts[BURST];
  struct mmsghdr all[BURST] = {0};
  int s = hearing(atoi(a[0]));
  long count = 0;
  for (int i = 0; i < BURST; i++) {
    parts[i] = (struct iovec){room[i], LONGEST};
    all[i].msg_hdr.msg_iov = &parts[i], all[i].msg_hdr.msg_iovlen = 1;
  }
  for (double end = now() + atof(a[1]); now() < end;) {
    int taken = recvmmsg(s, all, BURST, MSG_WAITFORONE, NULL);
    if (taken > 0) count += taken;
    else if (count > 0) break;
  }
  printf("%ld\n", count);
}

static void hear(char **a) {
  int s = hearing(atoi(a[0]));
  uint32_t number;
  for (double end = now() + atof(a[1]); now() < end;)
    if (recv(s, &number, sizeof number, 0) == sizeof number) printf("%.0f %u\n", now() * 1e6, number), fflush(stdout);
}

/* A socket belongs to the namespace that it was made in. */
static void enter(const char *netns) {
  char path[256];
  snprintf(path, sizeof path, "/run/netns/%s", netns);
  int f = open(path, O_RDONLY);
  if (f < 0 || setns(f, CLONE_NEWNET)) err(1, "%s", path);
  close(f);
}

static void set_link(int s, const char *device, int up) {
  struct ifreq ask = {0};
  strncpy(ask.ifr_name, device, IFNAMSIZ - 1);
  if (ioctl(s, SIOCGIFFLAGS, &ask)) err(1, "%s", device);
  ask.ifr_flags = up ? ask.ifr_flags | IFF_UP : ask.ifr_flags & ~IFF_UP;
  if (ioctl(s, SIOCSIFFLAGS, &ask)) err(1, "%s", device);
}

static void move(char **a) {
  uint8_t f[60] = {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, [12] = 0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3};
  mac(a[5], f + 6), mac(a[5], f + 22), mac(a[5], f + 32);
  enter(a[1]);
  int from = socket(AF_INET, SOCK_DGRAM, 0);
  enter(a[2]);
  int to = socket(AF_INET, SOCK_DGRAM, 0);
  enter(a[4]);
  int machine = packet_socket("eth0");
  sleep_for(atof(a[0]));
  double begin = now();
  set_link(from, a[3], 0), set_link(to, a[3], 1);
  if (send(machine, f, sizeof f, 0) < 0) warn("announcement");
  printf("%.0f\n", begin * 1e6);
}

int main(int argc, char **argv) {
  const struct { const char *name; int arguments; void (*run)(char **); } modes[] = {
      {"flood", 7, flood}, {"count", 2, count}, {"send", 5, send_udp}, {"receive", 2, receive}, {"hear", 2, hear}, {"move", 6, move}};
  for (unsigned i = 0; i < sizeof modes / sizeof *modes; i++)
    if (argc == modes[i].arguments + 2 && strcmp(argv[1], modes[i].name) == 0) return modes[i].run(argv + 2), 0;
  errx(2, "see the head of traffic.c");
}
