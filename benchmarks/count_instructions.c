/* A QEMU plugin that counts the guest's instructions and logs the sum when the guest exits.
 *
 * Declared here is what it needs of QEMU's plugin interface, version 1 (QEMU 4.2 to 8.2): Debian packs no header.
 */
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>

struct qemu_plugin_tb; /* a translated block */
extern void qemu_plugin_register_vcpu_tb_trans_cb(uint64_t id, void (*translated)(uint64_t, struct qemu_plugin_tb *));
extern size_t qemu_plugin_tb_n_insns(const struct qemu_plugin_tb *block);
extern void qemu_plugin_register_vcpu_tb_exec_inline(struct qemu_plugin_tb *block, int add, void *sum, uint64_t by);
extern void qemu_plugin_register_atexit_cb(uint64_t id, void (*left)(uint64_t, void *), void *data);
extern void qemu_plugin_outs(const char *line);

int qemu_plugin_version = 1;

static uint64_t sum;

static void translated(uint64_t id, struct qemu_plugin_tb *block)
{
    (void)id;
    qemu_plugin_register_vcpu_tb_exec_inline(block, 0, &sum, qemu_plugin_tb_n_insns(block));
}

static void left(uint64_t id, void *data)
{
    char line[64];
    (void)id, (void)data;
    snprintf(line, sizeof line, "instructions %" PRIu64 "\n", sum);
    qemu_plugin_outs(line);
}

int qemu_plugin_install(uint64_t id, const void *info, int argc, char **argv)
{
    (void)info, (void)argc, (void)argv;
    qemu_plugin_register_vcpu_tb_trans_cb(id, translated);
    qemu_plugin_register_atexit_cb(id, left, NULL);
    return 0;
}
