/* What start-up (init.c) and the rooms that it fills know of each other. */
#ifndef MM_INIT_H
#define MM_INIT_H

#include "mm/mm.h"

extern ULONG MiSystemDirectoryFrame;
PFN_NUMBER MiGetSharedDataFrame(VOID);
VOID MiBuildSystemSpace(ULONG TablesFrame, ULONG DirectoryFrame);
VOID MiInitializeSystemPtes(VOID);

#endif
