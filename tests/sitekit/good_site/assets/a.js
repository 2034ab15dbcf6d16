console.log("好") // 自己的脚本
