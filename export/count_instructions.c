/* A QEMU plugin that counts the instructions of an ARM guest and logs the sum whenever the guest asks for its parent.
 *
 * Declared here is what it needs of QEMU's plugin interface, version 1 (QEMU 4.2 to 8.2): Debian packs no header.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

struct qemu_plugin_tb; /* a translated block */
typedef void on_block(uint64_t id, struct qemu_plugin_tb *block);
typedef void on_call(uint64_t id, unsigned vcpu, int64_t number, uint64_t, uint64_t, uint64_t, uint64_t, uint64_t,
                     uint64_t, uint64_t, uint64_t);
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, on_block *translated);
extern void qemu_plugin_register_vcpu_syscall_cb(uint64_t id, on_call *called);
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int add, void *sum, uint64_t by);
extern void qemu_plugin_outs(const char *line);

int qemu_plugin_version = 1;

enum { GETPPID = 64 }; /* its number in ARM's EABI */

static uint64_t sum;

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &sum, qemu_plugin_tb_n_insns(block));
}

static void called(uint64_t id, unsigned vcpu, int64_t number, uint64_t a, uint64_t b, uint64_t c, uint64_t d,
                   uint64_t e, uint64_t f, uint64_t g, uint64_t h)
{
    char line[32];
    (void)id, (void)vcpu, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f, (void)g, (void)h;
    if (number != GETPPID)
        return;
    snprintf(line, sizeof line, "%" PRIu64 "\n", sum);
    qemu_plugin_outs(line);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_vcpu_syscall_cb(id, called);
    return 0;
}
